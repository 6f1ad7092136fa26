// Enough of CUDA C++ to run a kernel on the processor, for tests: one fibre for each thread of a block, one block at a time.
//
// Shared memory is filled with NaN before every block. Warps run, each until its next barrier, in an order that the caller
// chooses, and so do the lanes of a warp between exchanges, so that a result which depends on the order (a barrier that is
// missing) shows. What a GPU leaves undefined is refused with a message: barriers that not all threads reach, shuffles from
// lanes outside the mask. Not seen: races that need true concurrency, races between blocks, timing.
#pragma once
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifndef __x86_64__
#include <ucontext.h>
#endif

#include <type_traits>
#include <utility>

// For what is no kernel's: its loads and stores are not checked (memory_check.h).
#define UNCHECKED __attribute__((noinline, no_sanitize("kernel-address")))

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __shared__ static __attribute__((section("block_shared")))
#define DYNAMIC_SHARED(type, name) type* name = (type*)host::dynamic_shared

struct uint3 {
    unsigned x, y, z;
};
typedef uint3 dim3;
typedef long long int64;

extern "C" char __start_block_shared[] __attribute__((weak)), __stop_block_shared[] __attribute__((weak));

namespace host {

enum State { READY, AT_BARRIER, AT_EXCHANGE, DONE };
const int WARP = 32, MOST_THREADS = 1024, MOST_BYTES = 64;
const size_t STACK = 1 << 16;

struct Fibre {
#ifdef __x86_64__
    void* stack_pointer;
#else
    ucontext_t context;
#endif
    State state;
    uint3 index;
    int number, site;        // which thread; which barrier or exchange in the source it waits at
    unsigned mask;           // lanes that take part in the exchange
    const void* given;       // what this lane gives to it
    size_t bytes;
};

static Fibre fibres[MOST_THREADS];
static char* stacks;
static unsigned char exchanged[MOST_THREADS][MOST_BYTES];  // what each lane gave to the last exchange it took part in
static Fibre* current;
static uint3 grid_size, block_size, block_index;
static int threads;
static void* dynamic_shared;
static size_t shared_bytes;
static void** arguments;               // pointers to the kernel's arguments
static const size_t* argument_bytes;   // of the array that each points to; 0: it is a number
static int argument_count;
static char message[256];
static void (*thread_body)();
static void (*forget_copies)();  // set by async_copy.h

// Between the scheduler's stack and a fibre's: the registers that a call preserves, and the stack pointer.
#ifdef __x86_64__
static void* scheduler_pointer;
__attribute__((naked, noinline)) static void swap_stacks(void** from, void* to) {
    asm("push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15; mov %rsp, (%rdi); mov %rsi, %rsp;"
        "pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx; pop %rbp; ret");
}
static void enter(Fibre& fibre) { swap_stacks(&scheduler_pointer, fibre.stack_pointer); }
static void suspend() { swap_stacks(&current->stack_pointer, scheduler_pointer); }
#else
static ucontext_t scheduler;
static void enter(Fibre& fibre) { swapcontext(&scheduler, &fibre.context); }
static void suspend() { swapcontext(&current->context, &scheduler); }
#endif

static void resume(Fibre& fibre) {
    current = &fibre;
    enter(fibre);
    current = nullptr;
}

template <class... Values>
static void fail(const char* format, Values... values) {
    if (!message[0]) snprintf(message, sizeof message, format, values...);
    suspend();  // and is never resumed
}

__attribute__((noinline)) static void begin_thread() {
    thread_body();
    current->state = DONE;
    suspend();
    abort();
}

static void start(Fibre& fibre) {
    char* stack = stacks + size_t(fibre.number) * STACK;
#ifdef __x86_64__
    void** top = (void**)(stack + STACK - 64);
    top[0] = (void*)begin_thread;  // where the first swap returns to; six registers lie below
    top[1] = nullptr;
    fibre.stack_pointer = top - 6;
#else
    getcontext(&fibre.context);
    fibre.context.uc_stack.ss_sp = stack, fibre.context.uc_stack.ss_size = STACK, fibre.context.uc_link = nullptr;
    makecontext(&fibre.context, begin_thread, 0);
#endif
}

static void barrier(int site) {
    current->state = AT_BARRIER, current->site = site;
    suspend();
}

// Wait for all lanes of `mask`; afterwards `exchanged` holds what each of them gave, until this lane's next exchange.
UNCHECKED static const unsigned char (*exchange(unsigned mask, const void* given, size_t bytes, int site))[MOST_BYTES] {
    int lane = current->number % WARP;
    if (!(mask >> lane & 1)) fail("thread %d: its lane %d is not in the mask %#x", current->number, lane, mask);
    current->state = AT_EXCHANGE, current->mask = mask, current->given = given, current->bytes = bytes;
    current->site = site;
    suspend();
    return exchanged + (current->number - lane);
}

// The value of lane `source`, or this lane's own where the source lies outside the warp.
template <class T>
static T shuffle(unsigned mask, T value, int source, int site) {
    const unsigned char(*all)[MOST_BYTES] = exchange(mask, &value, sizeof value, site);
    if (source < 0 || source >= WARP) return value;
    if (!(mask >> source & 1))
        fail("thread %d reads lane %d, which is not in the mask %#x", current->number, source, mask);
    T found;
    memcpy(&found, all[source], sizeof found);
    return found;
}

static bool release_exchange(Fibre& first) {
    int warp = first.number / WARP * WARP;
    for (int lane = 0; lane < WARP; ++lane) {
        if (!(first.mask >> lane & 1)) continue;
        if (warp + lane >= threads) {
            snprintf(message, sizeof message, "the mask %#x names lane %d, which the block does not have", first.mask, lane);
            return false;
        }
        Fibre& other = fibres[warp + lane];
        if (other.state == DONE) {
            snprintf(message, sizeof message, "thread %d waits for lane %d, which has returned", first.number, lane);
            return false;
        }
        if (other.state != AT_EXCHANGE || other.mask != first.mask || other.site != first.site) return false;
    }
    for (int lane = 0; lane < WARP; ++lane) {
        if (!(first.mask >> lane & 1)) continue;
        Fibre& other = fibres[warp + lane];
        memcpy(exchanged[warp + lane], other.given, other.bytes);
        other.state = READY;
    }
    return true;
}

static void release_barrier() {
    int site = -1;
    for (int t = 0; t < threads; ++t) {
        if (fibres[t].state == DONE) {
            snprintf(message, sizeof message, "a barrier is waited for, but thread %d has returned", t);
        } else if (fibres[t].state != AT_BARRIER) {
            snprintf(message, sizeof message, "thread %d waits for lanes that never come", t);
        } else if (site >= 0 && fibres[t].site != site) {
            snprintf(message, sizeof message, "threads wait at different barriers");
        }
        if (message[0]) return;
        site = fibres[t].site, fibres[t].state = READY;
    }
}

enum Order { FORWARD, REVERSED, SHUFFLED };

static uint32_t draw(uint64_t& random) {
    random = random * 6364136223846793005ull + 1442695040888963407ull;
    return random >> 33;
}

static void put_in_order(int* turns, int count, int order, uint64_t& random) {
    for (int i = 0; i < count; ++i) turns[i] = order == REVERSED ? count - 1 - i : i;
    for (int i = count - 1; order == SHUFFLED && i > 0; --i) std::swap(turns[i], turns[draw(random) % (i + 1)]);
}

// Run one warp's lanes until each waits at a barrier or has returned.
static void run_warp(int first, int lanes, int order, uint64_t& random, int& live) {
    for (bool moved = true; moved;) {
        int turns[WARP];
        put_in_order(turns, lanes, order, random);
        moved = false;
        for (int turn = 0; turn < lanes; ++turn) {
            Fibre& fibre = fibres[first + turns[turn]];
            if (fibre.state != READY) continue;
            resume(fibre);
            if (message[0]) return;
            moved = true;
            live -= fibre.state == DONE;
        }
        for (int lane = 0; lane < lanes; ++lane)
            moved |= fibres[first + lane].state == AT_EXCHANGE && release_exchange(fibres[first + lane]);
        if (message[0]) return;
    }
}

// Between two barriers each warp goes as far as it gets before the next begins: whoever counts on another's pace is found out.
static void run_block(int order, uint64_t& random, size_t shared) {
    memset(__start_block_shared, 0xFF, __stop_block_shared - __start_block_shared);
    memset(dynamic_shared, 0xFF, shared);
    forget_copies();
    for (int t = 0; t < threads; ++t) {
        Fibre& fibre = fibres[t];
        fibre.number = t, fibre.state = READY;
        fibre.index = {t % block_size.x, t / block_size.x % block_size.y, t / (block_size.x * block_size.y)};
        start(fibre);
    }
    int live = threads, warps = (threads + WARP - 1) / WARP, turns[MOST_THREADS / WARP];
    while (live) {
        put_in_order(turns, warps, order, random);
        for (int turn = 0; turn < warps && !message[0]; ++turn) {
            int first = turns[turn] * WARP;
            run_warp(first, threads - first < WARP ? threads - first : WARP, order, random, live);
        }
        if (!message[0] && live) release_barrier();
        if (message[0]) return;
    }
}

// ---- calling a kernel from outside: its parameters as one letter each, and the call with pointers to its arguments

template <class T> struct Letter;
template <> struct Letter<int> { static const char value = 'i'; };
template <> struct Letter<unsigned> { static const char value = 'I'; };
template <> struct Letter<int64> { static const char value = 'l'; };
template <> struct Letter<unsigned long long> { static const char value = 'L'; };
template <> struct Letter<float> { static const char value = 'f'; };
template <> struct Letter<double> { static const char value = 'd'; };
template <> struct Letter<void> { static const char value = 'v'; };  // of any type: another argument says of which
template <> struct Letter<unsigned char> { static const char value = 'B'; };
template <> struct Letter<unsigned short> { static const char value = 'H'; };

// "f" for a float, "*f" for a pointer to floats, "=f" for one to floats that the kernel may write.
template <class T> static char* describe(char* at) {
    typedef std::remove_pointer_t<T> Item;
    if (std::is_pointer<T>::value) *at++ = std::is_const<Item>::value ? '*' : '=';
    *at++ = Letter<std::remove_const_t<Item>>::value;
    return at;
}

template <class... Types, size_t... Places>
UNCHECKED static void call(void (*kernel)(Types...), std::index_sequence<Places...>) {
    kernel(*(Types*)arguments[Places]...);
}

template <auto kernel> struct Entry;
template <class... Types, void (*kernel)(Types...)> struct Entry<kernel> {
    static void body() { call(kernel, std::index_sequence_for<Types...>()); }
    static void signature(char* at) {
        ((at = describe<Types>(at)), ...);
        *at = 0;
    }
};

static const char* launch(void (*body)(), const unsigned* grid, const unsigned* block, void** given, const size_t* bytes,
                          int count, size_t shared, int order, uint64_t random) {
    if (!stacks)
        stacks = (char*)mmap(nullptr, STACK * MOST_THREADS, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    grid_size = {grid[0], grid[1], grid[2]}, block_size = {block[0], block[1], block[2]};
    threads = block[0] * block[1] * block[2];
    thread_body = body, message[0] = 0;
    arguments = given, argument_bytes = bytes, argument_count = count;
    dynamic_shared = aligned_alloc(1024, (shared + 1023) / 1024 * 1024), shared_bytes = shared;
    unsigned blocks = grid[0] * grid[1] * grid[2];
    for (unsigned turn = 0; turn < blocks && !message[0]; ++turn) {
        unsigned b = order == FORWARD ? turn : blocks - 1 - turn;
        block_index = {b % grid[0], b / grid[0] % grid[1], b / (grid[0] * grid[1])};
        run_block(order, random, shared);
    }
    free(dynamic_shared);
    return message;
}

}  // namespace host

#define threadIdx (host::current->index)
#define blockIdx (host::block_index)
#define blockDim (host::block_size)
#define gridDim (host::grid_size)
#define __syncthreads() host::barrier(__COUNTER__)
#define __syncwarp(mask) host::exchange(mask, "", 1, __COUNTER__)
#define __shfl_sync(mask, value, lane) host::shuffle(mask, value, lane, __COUNTER__)
#define __shfl_xor_sync(mask, value, bits) \
    host::shuffle(mask, value, (host::current->number % 32) ^ (bits), __COUNTER__)
#define __shfl_down_sync(mask, value, by) host::shuffle(mask, value, host::current->number % 32 + (by), __COUNTER__)

static inline unsigned __umulhi(unsigned a, unsigned b) { return uint64_t(a) * b >> 32; }
static inline int __clz(int value) { return value ? __builtin_clz(static_cast<unsigned>(value)) : 32; }
static inline float cospi(float x) { return cos(M_PI * x); }
static inline float sinpi(float x) { return sin(M_PI * x); }
static inline double cospi(double x) { return cos(M_PI * x); }
static inline double sinpi(double x) { return sin(M_PI * x); }
static inline int min(int a, int b) { return a < b ? a : b; }
static inline int max(int a, int b) { return a > b ? a : b; }
static inline float max(float a, float b) { return fmaxf(a, b); }
static inline double max(double a, double b) { return fmax(a, b); }
