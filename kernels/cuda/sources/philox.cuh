// Philox 4×32 with ten rounds (Salmon, Moraes, Dror and Shaw 2011): a block of four words of 32 bits as a function of a key and
// of the block's number, so that any thread can make any block.
struct Block {
    unsigned at[4];
};

__device__ __forceinline__ Block philox(unsigned long long key, unsigned long long number) {
    unsigned a = static_cast<unsigned>(number), b = static_cast<unsigned>(number >> 32), c = 0, d = 0;
    unsigned left = static_cast<unsigned>(key), right = static_cast<unsigned>(key >> 32);
#pragma unroll
    for (int round = 0; round < 10; ++round) {
        unsigned one_low = 0xD2511F53u * a, one_high = __umulhi(0xD2511F53u, a);
        unsigned other_low = 0xCD9E8D57u * c, other_high = __umulhi(0xCD9E8D57u, c);
        a = other_high ^ b ^ left, b = other_low;
        c = one_high ^ d ^ right, d = one_low;
        left += 0x9E3779B9u, right += 0xBB67AE85u;
    }
    return {{a, b, c, d}};
}
