// The number that a module is compiled for: -DREAL=float or -DREAL=double.
#ifndef REAL
#define REAL float
#endif
typedef REAL real;

// Sixteen bytes: what one instruction can load, store or copy.
constexpr int CHUNK = 16 / sizeof(real);

// What a product's operands are stored as: `real`, or with -DBF16 as bf16, which only tensor cores compute with.
#ifdef BF16
typedef unsigned short element;
#else
typedef real element;
#endif
constexpr int ELEMENTS = 16 / sizeof(element);

template <int COUNT>
struct __align__(COUNT * sizeof(real)) Pack {
    real at[COUNT];
};

#ifdef __CUDACC__
typedef long long int64;
// Shared memory whose size the launch gives, aligned as wgmma wants its tiles.
#define DYNAMIC_SHARED(type, name)                                  \
    extern __shared__ __align__(1024) unsigned char name##_memory[]; \
    type* name = reinterpret_cast<type*>(name##_memory)
#endif
