// Host twins of wgmma: what is asked for is noted, and done only when it is waited for, as late as the hardware may. Each thread
// then works out its own sums from the tiles in shared memory, whatever lies there by now; nothing may be copied there before.
#pragma once
#include "async_copy.h"
#include "cuda_host.h"
#include "matrix_unit.h"

static inline unsigned as_bits(float value) { return bits_of(value); }

namespace host {

// As the tensor cores read TF32: without the last 13 bits.
static inline float cut_tf32(unsigned bits) { return float_of(bits & ~0x1FFFu); }

// A number of a tile, its chunk where bits 7 to 9 of its address say. Lines of 128 bytes are rows along k, or steps of k along
// 64 rows (64 steps, then the next 64 rows).
template <bool ALONG_K, class Number>
UNCHECKED static float group_number(const Number* tile, int row, int k) {
    const int line = 128 / sizeof(Number);
    const Number* plain = ALONG_K ? tile + row * line + k : tile + row / line * (64 * line) + k * line + row % line;
    uintptr_t address = uintptr_t(plain);
    const Number* from = (const Number*)(address ^ (address >> 7 & 7) << 4);
    check("reads", from, sizeof(Number));
    return sizeof(Number) == 2 ? float_of(unsigned(*from) << 16) : cut_tf32(bits_of(*from));
}

const int MOST_PRODUCTS = 64;
struct Span {
    const char *from, *to;
};
struct Product {
    void (*run)(const Product&);
    Span a_lines, b_lines;  // what is read
    float (*sums)[4];
    const void *a, *b;
    float rows[2][8];  // of A where it came in registers
    int group;
};
struct Products {
    Product products[MOST_PRODUCTS];
    int count, group;
    bool begun;
};
static Products products_under_way[MOST_THREADS];
static void (*forget_before)();

// The lines of 128 bytes that a product reads of `count` rows or columns.
template <bool ALONG_K>
UNCHECKED static Span lines_of(const void* tile, int count) {
    const char* from = (const char*)(uintptr_t(tile) & ~uintptr_t(127));
    return {from, from + (ALONG_K ? count * 128 : (count / 64 - 1) * 64 * 128 + 16 * 128)};
}

UNCHECKED static bool meets(const Span& span, const char* to, int bytes) { return to < span.to && to + bytes > span.from; }

UNCHECKED static void check_products(const Products& p, const char* to, int bytes) {
    for (int i = 0; i < p.count; ++i)
        if (meets(p.products[i].a_lines, to, bytes) || meets(p.products[i].b_lines, to, bytes))
            fail("thread %d copies over a tile that is being multiplied", current->number);
}

// The one that copies is asked, and of each warpgroup its first.
UNCHECKED static void check_all_products(const char* to, int bytes) {
    check_products(products_under_way[current->number], to, bytes);
    for (int t = 0; t < threads; t += 128) check_products(products_under_way[t], to, bytes);
}

__attribute__((constructor)) static void set_forget_products() {
    check_use = check_all_products;
    forget_before = forget_copies;
    forget_copies = [] {
        forget_before();
        for (int t = 0; t < threads; ++t)
            products_under_way[t].count = products_under_way[t].group = products_under_way[t].begun = 0;
    };
}

static Products& products() { return products_under_way[current->number]; }

UNCHECKED static Product& new_product() {
    Products& p = products();
    if (!p.begun) fail("thread %d multiplies before begin_group", current->number);
    for (int t = 0; t < threads; ++t)
        if (unpublished[t]) fail("thread %d multiplies what thread %d has copied, not published", current->number, t);
    if (p.count == MOST_PRODUCTS) fail("thread %d: %d products under way", current->number, p.count);
    Product& product = p.products[p.count++];
    product.group = p.group;
    return product;
}

template <bool A_ALONG_K, bool B_ALONG_K, int COLUMNS, class Number>
UNCHECKED static void product_of_tiles(const Product& p) {
    const Number *a = (const Number*)p.a, *b = (const Number*)p.b;
    int number = current->number % 128, g = number % 32 / 4, t = number % 4;
    for (int j = 0; j < COLUMNS; ++j)
        for (int i = 0; i < 4; ++i) {
            int row = number / 32 * 16 + g + i / 2 * 8, column = 8 * j + 2 * t + i % 2;
            for (int k = 0; k < int(32 / sizeof(Number)); ++k)
                p.sums[j][i] += group_number<A_ALONG_K>(a, row, k) * group_number<B_ALONG_K>(b, column, k);
        }
}

template <int COLUMNS>
UNCHECKED static void product_of_rows(const Product& p) {
    const float* b = (const float*)p.b;
    int t = current->number % 4;
    for (int j = 0; j < COLUMNS; ++j)
        for (int i = 0; i < 4; ++i)
            for (int k = 0; k < 8; ++k) p.sums[j][i] += p.rows[i / 2][k] * group_number<true>(b, 8 * j + 2 * t + i % 2, k);
}

UNCHECKED static void finish_products(int allowed) {
    Products& p = products();
    int kept = 0;
    for (int i = 0; i < p.count; ++i)
        if (p.products[i].group > p.group - 1 - allowed)
            p.products[kept++] = p.products[i];
        else
            p.products[i].run(p.products[i]);
    p.count = kept;
}

}  // namespace host

// A tile is described by its address.
template <bool ALONG_K, class Number>
static inline const Number* described(const Number* tile) { return tile; }
template <class Number>
static inline const Number* moved(const Number* tile, int numbers) { return tile + numbers; }

static inline void publish() { host::unpublished[host::current->number] = false; }
static inline void begin_group() { host::products().begun = true; }
static inline void commit_group() { host::products().group++, host::products().begun = false; }
template <int GROUPS>
static void wait_group() { host::finish_products(GROUPS); }

// c += a·b of 64 rows and N columns, 32 bytes of k, both in shared memory.
template <bool A_ALONG_K, bool B_ALONG_K, int COLUMNS, class Number>
UNCHECKED static void multiply_group(float (&c)[COLUMNS][4], const Number* a, const Number* b) {
    host::Product& product = host::new_product();
    product.run = host::product_of_tiles<A_ALONG_K, B_ALONG_K, COLUMNS, Number>;
    product.sums = c, product.a = a, product.b = b;
    product.a_lines = host::lines_of<A_ALONG_K>(a, 64), product.b_lines = host::lines_of<B_ALONG_K>(b, 8 * COLUMNS);
}

// The same of TF32 with a in registers: (g, t), (g+8, t), (g, t+4), (g+8, t+4).
template <int COLUMNS>
UNCHECKED static void multiply_group(float (&c)[COLUMNS][4], const unsigned (&a)[4], const float* b) {
    const unsigned char(*all)[host::MOST_BYTES] = host::exchange(~0u, a, sizeof a, -4);
    host::Product& product = host::new_product();
    product.run = host::product_of_rows<COLUMNS>;
    product.sums = c, product.b = b;
    product.a_lines = {}, product.b_lines = host::lines_of<true>(b, 8 * COLUMNS);
    int g = host::current->number % 32 / 4;
    for (int half = 0; half < 2; ++half)
        for (int k = 0; k < 8; ++k) {
            unsigned given[4];
            memcpy(given, all[4 * g + k % 4], sizeof given);
            product.rows[half][k] = host::cut_tf32(given[half + k / 4 * 2]);
        }
}
