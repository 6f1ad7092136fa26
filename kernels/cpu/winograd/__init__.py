"""Convolution by fast short algorithms over the polyphase form (Toom–Cook/Winograd): fewer multiplications.

With V = Bᵀ·d·B of each tile of the large image, U = G·g·Gᵀ of the weights and dM = A·b·Aᵀ of each tile of the small one,

    ∂T/∂b = Aᵀ(Σ_k V_k·U_k)A        ∂T/∂a = B(Σ_d dM_d·U_d)Bᵀ, tiles added        ∂T/∂w = Gᵀ(Σ_tiles V·dM)G

each product apart for each of the n² = 25 points: the 4×4 stride-2 convolution of DCGAN does 25 multiplications for 16
outputs and 4 phases where the direct form does 64. The three are exact adjoints of one another (`toom_cook.py`).

    V, dM   [point][k ÷ DEPTH][tile ÷ ROWS][k ÷ L][ROWS][L]   a few megabytes at a time, shared: third-level cache
    U       [point][d ÷ N][k][N]    of a few k and d      a thread's second-level cache, made when needed: 25 numbers for
                                                          every 4 weights would not fit anywhere
    M, dU   [point][tile or k][d]   of a few d            second-level cache; from it Aᵀ·M·A goes to the image

k runs over (phase, channel of a), d over the channels of b; L numbers make a line, N = COLUMNS·L a panel of the product. A
block is a few images with about BLOCK_TILES tiles: they share one transformation of the weights. Points lie one line
further apart than their size, or all 25 would meet in the same set of the first-level cache.

An example along one axis, with stride 2 and a kernel of 4: two phases, each of 2 taps over every second place; a tile of
5 places of a phase yields 4 outputs, and the next tile begins 4 places on, so that they share one.

    large image   0 1 2 3 4 5 6 7 8 9 10 11 …        small image   0 1 2 3 │ 4 5 6 7 │ …
    phase 0       0   2   4   6   8          tile 0                └ tile 0 ┘
                                  8   10  …  tile 1                          └ tile 1 ┘
    phase 1         1   3   5   7   9        tile 0
"""
