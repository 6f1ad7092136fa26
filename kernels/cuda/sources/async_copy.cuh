// cp.async (sm_80): copies from global to shared memory that pass by the registers and end when they are waited for.
// The host twins of tests/cuda/host do them as late as these may.
#ifdef __CUDACC__
// Copy BYTES (4, 8 or 16, and aligned so), or write zeros where not `inside`; nothing is read then.
template <int BYTES>
__device__ __forceinline__ void copy_async(void* shared, const void* global, bool inside) {
    unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    int bytes = inside ? BYTES : 0;
    if (BYTES == 16)
        asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(bytes) : "memory");
    else
        asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(global), "n"(BYTES), "r"(bytes)
                     : "memory");
}

// What was copied since the last commit becomes one group.
__device__ __forceinline__ void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Wait until at most GROUPS of this thread's groups are under way. Others' copies are seen only after a barrier.
template <int GROUPS>
__device__ __forceinline__ void wait_copies() {
    asm volatile("cp.async.wait_group %0;" ::"n"(GROUPS) : "memory");
}
#endif
