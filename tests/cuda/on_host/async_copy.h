// Host twins of cp.async: a copy is noted when it is asked for and done only when its group is waited for, as late as the
// hardware may do it. Whoever reads without waiting reads what lay there before.
#pragma once
#include "cuda_host.h"

namespace host {

const int MOST_COPIES = 512;
struct Copy {
    void* to;
    const void* from;  // null: zeros
    int bytes, group;
};
struct Pending {
    Copy copies[MOST_COPIES];
    int count, group;
};
static Pending pending_copies[MOST_THREADS];
static void (*check_use)(const char* to, int bytes);  // set by matrix_group.h: fails where wgmma may still read
static bool unpublished[MOST_THREADS];  // copies have arrived that only `publish` shows to wgmma (matrix_group.h)

static Pending& pending() { return pending_copies[current->number]; }

UNCHECKED static void finish_copies(int allowed) {
    Pending& p = pending();
    int kept = 0, before = p.count;
    for (int i = 0; i < p.count; ++i) {
        Copy& copy = p.copies[i];
        if (copy.group > p.group - 1 - allowed) {
            p.copies[kept++] = copy;
        } else if (copy.from) {
            memcpy(copy.to, copy.from, copy.bytes);
        } else {
            memset(copy.to, 0, copy.bytes);
        }
    }
    p.count = kept;
    unpublished[current->number] |= kept < before;
}

__attribute__((constructor)) static void set_forget_copies() {
    forget_copies = [] {
        memset(pending_copies, 0, sizeof(Pending) * threads);
        memset(unpublished, 0, sizeof(bool) * threads);
    };
}

}  // namespace host

template <int BYTES>
UNCHECKED static void copy_async(void* shared, const void* global, bool inside) {
    host::Pending& p = host::pending();
    if (p.count == host::MOST_COPIES) host::fail("thread %d: %d copies under way", host::current->number, p.count);
    if (uintptr_t(shared) % BYTES || (inside && uintptr_t(global) % BYTES))
        host::fail("thread %d: a copy of %d bytes is not aligned", host::current->number, BYTES);
    if (inside) host::check("copies", global, BYTES);
    host::check("copies to", shared, BYTES);
    if (host::check_use) host::check_use((const char*)shared, BYTES);
    p.copies[p.count++] = {shared, inside ? global : nullptr, BYTES, p.group};
}
static inline void commit_copies() { host::pending().group++; }
template <int GROUPS>
static void wait_copies() { host::finish_copies(GROUPS); }
