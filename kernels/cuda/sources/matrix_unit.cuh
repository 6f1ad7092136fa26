// The tensor cores through mma.sync (sm_80), each instruction behind a function with a host twin in tests/cuda/host.
//
// Registers of lane 4g + t, after the PTX ISA:
//   m16n8k8, TF32:   a (g, t) (g+8, t) (g, t+4) (g+8, t+4);          b (t, g) (t+4, g)
//   m16n8k16, bf16:  a (g, 2t..) (g+8, 2t..) (g, 2t+8..) (g+8, 2t+8..);  b (2t.., g) (2t+8.., g)      two numbers each
//   c, float32:      (g, 2t) (g, 2t+1) (g+8, 2t) (g+8, 2t+1)
#ifdef __CUDACC__
// The nearest number with 10 bits after the point, ties away from zero.
__device__ __forceinline__ unsigned round_tf32(float value) {
    unsigned bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
    return bits;
}
__device__ __forceinline__ unsigned round_tf32(unsigned bits) { return round_tf32(__uint_as_float(bits)); }

// Two numbers rounded to bf16, ties to even; `low` in the lower half.
__device__ __forceinline__ unsigned pack_bf16(float low, float high) {
    unsigned bits;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
    return bits;
}

// Four matrices of 8 rows of 16 bytes from shared memory (ldmatrix): lane i gives where row i % 8 of matrix i / 8 lies, and
// lane 4g + t gets the t-th four bytes of row g of each.
__device__ __forceinline__ void load_matrices(unsigned (&to)[4], const void* row) {
    unsigned from = static_cast<unsigned>(__cvta_generic_to_shared(row));
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(from)
                 : "memory");
}

// c += a·b, 16×8 times 8×8.
__device__ __forceinline__ void multiply_tf32(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// c += a·b, 16×16 times 16×8.
__device__ __forceinline__ void multiply_bf16(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif
