// Every load and store of a kernel is checked: the compiler calls these functions for each (-fsanitize=kernel-address, which
// needs no run-time library), and for indices outside an array's type and misaligned pointers (-fsanitize=bounds,alignment).
#pragma once
#include "cuda_host.h"

extern "C" char __ehdr_start[] __attribute__((visibility("hidden"))), _end[] __attribute__((visibility("hidden")));

namespace host {

// Whether a kernel may touch these bytes: its arrays, its block's shared memory, its own stack, this library's variables.
UNCHECKED static bool known(const char* at, size_t bytes) {
    const char* stack = stacks + size_t(current->number) * STACK;
    if (at >= stack && at + bytes <= stack + STACK) return true;
    const char* dynamic = (const char*)dynamic_shared;
    if (at >= dynamic && at + bytes <= dynamic + shared_bytes) return true;
    for (int i = 0; i < argument_count; ++i) {
        const char* start = *(const char**)arguments[i];
        if (argument_bytes[i] && at >= start && at + bytes <= start + argument_bytes[i]) return true;
    }
    return at >= __ehdr_start && at + bytes <= _end;
}

UNCHECKED static void check(const char* what, const void* at, size_t bytes) {
    if (!current || known((const char*)at, bytes)) return;
    const char* place = (const char*)at;
    for (int i = 0; i < argument_count; ++i) {
        long long past = place - (*(const char**)arguments[i] + argument_bytes[i]);
        if (argument_bytes[i] && past >= 0 && past < 4096)
            fail("thread %d %s %zu bytes, %lld past the end of argument %d", current->number, what, bytes, past, i);
    }
    long long past = place - ((const char*)dynamic_shared + shared_bytes);
    if (past >= 0 && past < 4096)
        fail("thread %d %s %zu bytes, %lld past the end of shared memory", current->number, what, bytes, past);
    fail("thread %d %s %zu bytes outside its arrays", current->number, what, bytes);
}

}  // namespace host

#define CHECKED(bytes)                                                                                  \
    extern "C" UNCHECKED void __asan_load##bytes##_noabort(void* at) { host::check("reads", at, bytes); }         \
    extern "C" UNCHECKED void __asan_store##bytes##_noabort(void* at) { host::check("writes", at, bytes); }
CHECKED(1)
CHECKED(2)
CHECKED(4)
CHECKED(8)
CHECKED(16)
extern "C" UNCHECKED void __asan_loadN_noabort(void* at, size_t bytes) { host::check("reads", at, bytes); }
extern "C" UNCHECKED void __asan_storeN_noabort(void* at, size_t bytes) { host::check("writes", at, bytes); }
extern "C" void __asan_handle_no_return() {}
extern "C" void __ubsan_handle_out_of_bounds(void*, void* index) {
    host::fail("thread %d: index %lld lies outside the array", host::current->number, (long long)index);
}
extern "C" void __ubsan_handle_type_mismatch_v1(void*, void* at) {
    host::fail("thread %d: the address %p is not aligned", host::current->number, at);
}
