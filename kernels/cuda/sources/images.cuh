#include "divisor.cuh"
#include "real.cuh"
// The operands of convolution's three products (see geometry.py and tile.cuh):
//     T = Σ w[u, v, c, d] · a[n, i·sh + u − ph, j·sw + v − pw, c] · b[n, i, j, d]
// Nothing is unfolded in memory: where a number of an operand lies is worked out when it is copied ("implicit GEMM").
//
// An example: a has 4 × 4 pixels and one channel, the kernel 3 × 3 taps, stride 1, no padding, so b has 2 × 2 pixels. Offsets in a:
//
//       0   1   2   3        Line 2 of the matrix of patches is the receptive field of pixel (1, 0) of b. It starts at row 1,
//     [ 4   5   6 ] 7        column 0, offset 4.
//     [ 8   9  10 ] 11       Place 5 along it is tap (1, 2), one row and two columns on: offset 1·4 + 2 = 6.
//     [12  13  14 ] 15       Together: row 2, column 2, offset 10. Outside 0..3 the row or column would be padding, a zero.

struct Geometry {
    int batch, large_height, large_width, large_channels, small_height, small_width, small_channels;
    int kernel_height, kernel_width, stride_height, stride_width, padding_height, padding_width;
};
#define GEOMETRY_PARAMETERS                                                                                               \
    int batch, int large_height, int large_width, int large_channels, int small_height, int small_width,                  \
        int small_channels, int kernel_height, int kernel_width, int stride_height, int stride_width, int padding_height, \
        int padding_width
#define GEOMETRY                                                                                                        \
    {                                                                                                                   \
        batch, large_height, large_width, large_channels, small_height, small_width, small_channels, kernel_height,     \
            kernel_width, stride_height, stride_width, padding_height, padding_width                                    \
    }

constexpr int FAR_OUT = -(1 << 29);  // an index so far outside that no sum with another comes back inside

struct Place {
    int first, second, rest;  // of a pixel: row, column, image; of a tap: row, column, channel
};

// A window over images of height × width: a line is a pixel (or where a kernel is laid on one), a place along it a tap. Both
// are a step in memory and a move of the row and of the column; together they are the number at their sum.
struct Window {
    struct Step {
        int offset, row, column;
    };
    struct Tap : Step {
        int channel;
    };
    typedef Step Line;
    typedef Tap Along;

    const element* data;
    int height, width;
    bool aligned;

    __device__ __forceinline__ bool inside(const Step& line, const Tap& tap) const {
        return static_cast<unsigned>(line.row + tap.row) < static_cast<unsigned>(height) &&
               static_cast<unsigned>(line.column + tap.column) < static_cast<unsigned>(width);
    }
    __device__ __forceinline__ int offset(const Step& line, const Tap& tap) const { return line.offset + tap.offset; }
};

// Patches of a: a line is the receptive field of one pixel of b, (kh, kw, C_a) along it; there are N·H_b·W_b lines.
struct Patches : Window {
    Geometry g;
    Divisor by_width, by_height, by_channels, by_kernel_width;

    __device__ Patches(const element* large, const Geometry& g, bool aligned)
        : Window{large, g.large_height, g.large_width, aligned}, g(g), by_width(g.small_width), by_height(g.small_height),
          by_channels(g.large_channels), by_kernel_width(g.kernel_width) {}

    __device__ __forceinline__ Step line(int pixel) const {
        int row = by_width.quotient(pixel), image = by_height.quotient(row);
        int i = row - image * g.small_height, j = pixel - row * g.small_width;
        int top = i * g.stride_height - g.padding_height, left = j * g.stride_width - g.padding_width;
        if (image >= g.batch) return {0, FAR_OUT, 0};
        return {((image * g.large_height + top) * g.large_width + left) * g.large_channels, top, left};
    }
    __device__ __forceinline__ Tap along(int place) const {
        int tap = by_channels.quotient(place), u = by_kernel_width.quotient(tap), v = tap - u * g.kernel_width;
        int channel = place - tap * g.large_channels;
        return {{(u * g.large_width + v) * g.large_channels + channel, u < g.kernel_height ? u : FAR_OUT, v}, channel};
    }
    __device__ __forceinline__ void ahead(Tap& tap, int steps) const {
        tap.offset += steps, tap.channel += steps;  // the next tap's channels follow, but for the end of a row of taps
        while (tap.channel >= g.large_channels) {
            tap.channel -= g.large_channels;
            if (++tap.column < g.kernel_width) continue;
            tap.column = 0, tap.offset += (g.large_width - g.kernel_width) * g.large_channels;
            if (++tap.row == g.kernel_height) tap.row = FAR_OUT;
        }
    }

    // What a line some lines further on differs by: of itself, and once it is past the end of a row, or of an image.
    struct Stride {
        Step step;
        int row_end, image_end;
    };
    __device__ __forceinline__ int lines() const { return g.batch * g.small_height * g.small_width; }
    __device__ __forceinline__ Stride stride(int count) const {
        int rows = by_width.quotient(count), images = by_height.quotient(rows);
        int i = rows - images * g.small_height, j = count - rows * g.small_width;
        int high = (images * g.large_height + i * g.stride_height) * g.large_width, wide = g.large_width;
        return {{(high + j * g.stride_width) * g.large_channels, i * g.stride_height, j * g.stride_width},
                (g.stride_height * wide - g.small_width * g.stride_width) * g.large_channels,
                (g.large_height - g.small_height * g.stride_height) * wide * g.large_channels};
    }
    __device__ __forceinline__ void below(Step& line, const Stride& by) const {
        line.offset += by.step.offset, line.row += by.step.row, line.column += by.step.column;
        if (line.column >= g.small_width * g.stride_width - g.padding_width) {
            line.column -= g.small_width * g.stride_width, line.row += g.stride_height, line.offset += by.row_end;
        }
        if (line.row >= g.small_height * g.stride_height - g.padding_height) {
            line.row -= g.small_height * g.stride_height, line.offset += by.image_end;
        }
    }
};

// One of the sh·sw phases of a, its pixels (h, w) with (h + ph) mod sh = rh and (w + pw) mod sw = rw. Only the taps
// u = rh + sh·t, v = rw + sw·s meet them, so that no multiplication by zero is done:
//     ∂T/∂a[n, sh·q + rh − ph, sw·p + rw − pw, c] = Σ_{t, s, d} b[n, q − t, p − s, d] · w[rh + sh·t, rw + sw·s, c, d]
// Along one axis, with a kernel of 4, stride 2 and padding 1 (h + 1 = 2q + r):
//
//     h           0   1   2   3   4   5
//     phase r     1   0   1   0   1   0       phase 0: taps 0 and 2 meet rows q and q − 1 of b
//     q           0   1   1   2   2   3       phase 1: taps 1 and 3 meet rows q and q − 1 of b
struct Phase {
    int rh, rw;                // which phase
    int first_q, first_p;      // the first pixel inside a
    int height, width;         // pixels
    int taps_high, taps_wide;  // taps

    __device__ Phase(const Geometry& g, int number) {
        rh = number / g.stride_width, rw = number % g.stride_width;
        first_q = first(g.stride_height, g.padding_height - rh), first_p = first(g.stride_width, g.padding_width - rw);
        height = max(first(g.stride_height, g.large_height + g.padding_height - rh) - first_q, 0);
        width = max(first(g.stride_width, g.large_width + g.padding_width - rw) - first_p, 0);
        taps_high = first(g.stride_height, g.kernel_height - rh), taps_wide = first(g.stride_width, g.kernel_width - rw);
    }
    // The least q ≥ 0 with stride·q ≥ distance.
    static __device__ __forceinline__ int first(int stride, int distance) {
        return distance > 0 ? divide_up(distance, stride) : 0;
    }
};

// The receptive fields in b of the pixels of one phase of a: a line is one pixel, (taps high, taps wide, C_b) along it.
struct ReceptiveFields : Window {
    Geometry g;
    Phase phase;
    Divisor by_width, by_height, by_channels, by_taps;

    __device__ ReceptiveFields(const element* small, const Geometry& g, const Phase& phase, bool aligned)
        : Window{small, g.small_height, g.small_width, aligned}, g(g), phase(phase), by_width(max(phase.width, 1)),
          by_height(max(phase.height, 1)), by_channels(g.small_channels), by_taps(max(phase.taps_wide, 1)) {}

    // (q, p, image), with q far out behind the last image.
    __device__ __forceinline__ Place place(int pixel) const {
        int row = by_width.quotient(pixel), image = by_height.quotient(row);
        int q = row - image * phase.height + phase.first_q, p = pixel - row * phase.width + phase.first_p;
        return {image < g.batch ? q : FAR_OUT, p, image};
    }
    __device__ __forceinline__ Step line(int pixel) const {
        Place at = place(pixel);
        if (at.first < 0) return {0, FAR_OUT, 0};
        return {((at.rest * g.small_height + at.first) * g.small_width + at.second) * g.small_channels, at.first, at.second};
    }
    __device__ __forceinline__ Tap along(int place) const {
        int tap = by_channels.quotient(place), t = by_taps.quotient(tap), s = tap - t * phase.taps_wide;
        int channel = place - tap * g.small_channels;
        return {{channel - (t * g.small_width + s) * g.small_channels, t < phase.taps_high ? -t : FAR_OUT, -s}, channel};
    }
    __device__ __forceinline__ void ahead(Tap& tap, int steps) const {
        tap.offset += steps, tap.channel += steps;
        while (tap.channel >= g.small_channels) {
            tap.channel -= g.small_channels, tap.offset -= 2 * g.small_channels;
            if (--tap.column > -phase.taps_wide) continue;
            tap.column = 0, tap.offset += (phase.taps_wide - g.small_width) * g.small_channels;
            if (--tap.row == -phase.taps_high) tap.row = FAR_OUT;
        }
    }
};

// The weights of one phase: a line is a channel c of a, (taps high, taps wide, C_b) along it.
struct PhaseWeights {
    const element* data;
    Geometry g;
    Phase phase;
    bool aligned;
    Divisor channels, taps_wide;

    __device__ PhaseWeights(const element* weight, const Geometry& g, const Phase& phase, bool aligned)
        : data(weight), g(g), phase(phase), aligned(aligned), channels(g.small_channels), taps_wide(max(phase.taps_wide, 1)) {}

    typedef int Line;
    struct Along {
        int offset, t, s, channel;  // offset: FAR_OUT behind the last tap
    };

    __device__ __forceinline__ Line line(int c) const { return c < g.large_channels ? c * g.small_channels : -1; }
    __device__ __forceinline__ Along along(int place) const {
        int tap = channels.quotient(place), t = taps_wide.quotient(tap), s = tap - t * phase.taps_wide;
        int u = phase.rh + g.stride_height * t, v = phase.rw + g.stride_width * s, channel = place - tap * g.small_channels;
        int offset = (u * g.kernel_width + v) * g.large_channels * g.small_channels + channel;
        return {t < phase.taps_high ? offset : FAR_OUT, t, s, channel};
    }
    __device__ __forceinline__ void ahead(Along& along, int steps) const {
        int size = g.large_channels * g.small_channels;  // of one tap's weights
        along.offset += steps, along.channel += steps;
        while (along.channel >= g.small_channels) {
            along.channel -= g.small_channels, along.offset += g.stride_width * size - g.small_channels;
            if (++along.s < phase.taps_wide) continue;
            along.s = 0, along.offset += (g.stride_height * g.kernel_width - g.stride_width * phase.taps_wide) * size;
            if (++along.t == phase.taps_high) along.offset = FAR_OUT;
        }
    }
    __device__ __forceinline__ bool inside(Line line, const Along& along) const { return (line | along.offset) >= 0; }
    __device__ __forceinline__ int offset(Line line, const Along& along) const { return line + along.offset; }
};

// Where the sums of one phase go: row m of the product is one pixel of a.
struct PhaseResult {
    real* data;
    const ReceptiveFields& fields;
    int columns;
    bool add;

    __device__ __forceinline__ real* row(int index) const {
        Place pixel = fields.place(index);
        if (pixel.first < 0) return nullptr;
        const Geometry& g = fields.g;
        int h = pixel.first * g.stride_height + fields.phase.rh - g.padding_height;
        int w = pixel.second * g.stride_width + fields.phase.rw - g.padding_width;
        return data + ((pixel.rest * g.large_height + h) * g.large_width + w) * g.large_channels;
    }
};
