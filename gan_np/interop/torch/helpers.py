"""Modules that PyTorch lacks, as text: those that a network needs are written into its file."""

from __future__ import annotations

HELPERS = {
    "ChannelsLast": '''
class ChannelsLast(nn.Module):
    """Features of maps laid flat, (N, Σ sizes), from the order (channels, height, width) to (height, width, channels)."""

    def __init__(self, *shapes):
        super().__init__()
        self.shapes = shapes

    def forward(self, x):
        parts = x.split([math.prod(shape) for shape in self.shapes], 1)
        maps = [part.reshape(len(x), shape[-1], -1) for part, shape in zip(parts, self.shapes)]
        return torch.cat([each.transpose(1, 2).flatten(1) for each in maps], 1)
''',
    "ChannelsLastReshape": '''
class ChannelsLastReshape(nn.Module):
    """(N, C, …) to (N, C', …), the numbers of an example read and laid with channels last."""

    def __init__(self, *sizes):
        super().__init__()
        self.sizes = sizes

    def forward(self, x):
        x = x.movedim(1, -1).reshape(len(x), *self.sizes)
        return x.movedim(-1, 1).contiguous()
''',
    "Maxout": '''
class Maxout(nn.Module):
    """The largest of `pieces` neighbouring channels."""

    def __init__(self, pieces):
        super().__init__()
        self.pieces = pieces

    def forward(self, x):
        return x.unflatten(1, (-1, self.pieces)).amax(2)
''',
    "MinibatchStandardDeviation": '''
class MinibatchStandardDeviation(nn.Module):
    """One more channel with a single number: the mean deviation over the batch."""

    def __init__(self, epsilon):
        super().__init__()
        self.epsilon = epsilon

    def forward(self, x):
        deviation = (x.var(0, unbiased=False) + self.epsilon).sqrt().mean()
        return torch.cat([x, deviation.expand_as(x[:, :1])], 1)
''',
    "BlurUpsample": '''
class BlurUpsample(nn.Module):
    """Twice the size, one pixel more where `odd`, and a low-pass: [1, 3, 3, 1]/4 along both axes, stride 2."""

    def __init__(self, odd):
        super().__init__()
        self.odd = odd

    def forward(self, x):
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype, device=x.device) / 4
        weight = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
        return nn.functional.conv_transpose2d(
            x, weight, stride=2, padding=1, output_padding=self.odd, groups=x.shape[1]
        )
''',
    "BlurDownsample": '''
class BlurDownsample(nn.Module):
    """A low-pass, [1, 3, 3, 1]/8 along both axes, and half the size."""

    def forward(self, x):
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype, device=x.device) / 8
        weight = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
        return nn.functional.conv2d(x, weight, stride=2, padding=1, groups=x.shape[1])
''',
    "InnerProduct": '''
class InnerProduct(nn.Module):
    """(a, b) to the products of their rows, (N, 1)."""

    def forward(self, x):
        return (x[0] * x[1]).sum(1, keepdim=True)
''',
    "Planes": '''
class Planes(nn.Module):
    """Features (N, K) as K constant planes."""

    def __init__(self, height, width):
        super().__init__()
        self.size = height, width

    def forward(self, x):
        return x[:, :, None, None].expand(-1, -1, *self.size)
''',
    "Add": '''
class Add(nn.Module):
    """The sum of several inputs."""

    def forward(self, x):
        return sum(x)
''',
    "Concatenate": '''
class Concatenate(nn.Module):
    """Several inputs joined along their channels."""

    def forward(self, x):
        return torch.cat(x, 1)
''',
    "Fork": '''
class Fork(nn.ModuleList):
    """Several modules on one input, given as a list."""

    def __init__(self, *branches):
        super().__init__(branches)

    def forward(self, x):
        return tuple(branch(x) for branch in self)
''',
    "Parallel": '''
class Parallel(nn.ModuleList):
    """Each module on its own input."""

    def __init__(self, *branches):
        super().__init__(branches)

    def forward(self, x):
        return tuple(branch(part) for branch, part in zip(self, x))
''',
    "Residual": '''
class Residual(nn.Module):
    """shortcut(x) + inner(x)."""

    def __init__(self, inner, shortcut):
        super().__init__()
        self.inner, self.shortcut = inner, shortcut

    def forward(self, x):
        return self.inner(x) + self.shortcut(x)
''',
    "OneHot": '''
class OneHot(nn.Module):
    """(x, label, …) to (x, one-hot label, …); labels are integers from 0."""

    def __init__(self, classes):
        super().__init__()
        self.classes = classes

    def forward(self, x):
        first, label, *others = x
        return (first, nn.functional.one_hot(label, self.classes).to(first.dtype), *others)
''',
    "FromUnits": '''
class FromUnits(nn.Module):
    """Vectors in the data's units (with what goes with them, if anything) as the network was trained on them."""

    def __init__(self, size, dtype):
        super().__init__()
        self.register_buffer("mean", torch.zeros(size, dtype=dtype))
        self.register_buffer("deviation", torch.ones(size, dtype=dtype))

    def forward(self, x):
        several = isinstance(x, tuple)
        first, *others = x if several else (x,)
        first = ((first - self.mean) / self.deviation).float()
        return (first, *others) if several else first
''',
    "ToUnits": '''
class ToUnits(nn.Module):
    """Vectors in the data's units."""

    def __init__(self, size, dtype):
        super().__init__()
        self.register_buffer("mean", torch.zeros(size, dtype=dtype))
        self.register_buffer("deviation", torch.ones(size, dtype=dtype))

    def forward(self, x):
        return x.to(self.mean.dtype) * self.deviation + self.mean
''',
    "EmptyCanvas": '''
class EmptyCanvas(nn.Module):
    """h_z to (h_z, h_c, canvas), both of them 0."""

    def __init__(self, code, channels, height, width):
        super().__init__()
        self.code, self.size = code, (channels, height, width)

    def forward(self, h_z):
        return h_z, h_z.new_zeros(len(h_z), self.code), h_z.new_zeros(len(h_z), *self.size)
''',
    "DrawStep": '''
class DrawStep(nn.Module):
    """(h_z, h_c, canvas) with what the decoder adds to the canvas, and the encoder's code of that."""

    def __init__(self, decoder, encoder):
        super().__init__()
        self.decoder, self.encoder = decoder, encoder

    def forward(self, x):
        h_z, h_c, canvas = x
        drawn = self.decoder((h_z, h_c))
        return h_z, self.encoder(drawn), canvas + drawn
''',
    "Canvas": '''
class Canvas(nn.Module):
    """The canvas of (h_z, h_c, canvas)."""

    def forward(self, x):
        return x[2]
''',
    "AddDetail": '''
class AddDetail(nn.Module):
    """(detail, context) to the context with the detail added to its first channels."""

    def forward(self, x):
        detail, context = x
        channels = detail.shape[1]
        return torch.cat([context[:, :channels] + detail, context[:, channels:]], 1)
''',
    "Pyramid": '''
class Pyramid(nn.ModuleList):
    """(z, noise, …), with labels (z, one-hot label, noise, …), to the finest image: each size is the one before, enlarged,
    with a level's detail. The first module draws the coarsest, from `low` to `high`; the others are the levels."""

    def __init__(self, *levels, low, high, labelled):
        super().__init__(levels)
        self.low, self.high, self.labelled = low, high, labelled

    def forward(self, x):
        z, *noises = x
        label = noises.pop(0) if self.labelled else None
        coarsest, *levels = self
        image = coarsest(z if label is None else (z, label))
        image = (image - self.low) * (2 / (self.high - self.low)) - 1
        for level, noise in zip(levels, noises):
            image = nn.functional.interpolate(image, scale_factor=2.0, mode="bilinear", align_corners=False)
            context = image
            if label is not None:
                planes = label[:, :, None, None].expand(-1, -1, *image.shape[2:])
                context = torch.cat([image, planes], 1)
            image = image + level((noise, context))
        return image
''',
}
