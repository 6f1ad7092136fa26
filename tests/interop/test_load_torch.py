"""Weights of PyTorch models: the same outputs here, a report of what went where, and errors that name both shapes."""

import numpy as np
import pytest

import gan_np as gn
from gan_np.arrays import generator as seeded
from gan_np.interop import load_torch

torch = pytest.importorskip("torch", reason="weights of PyTorch models need PyTorch")
nn = torch.nn
spectral_norm = torch.nn.utils.spectral_norm
parametrized = torch.nn.utils.parametrizations.spectral_norm
TOLERANCE = 1e-5


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


def lived(module):
    """With statistics and scales that are not those of the start."""
    for one in module.modules():
        if isinstance(one, nn.modules.batchnorm._BatchNorm):
            one.running_mean.normal_(0, 0.3)
            one.running_var.uniform_(0.5, 2)
            if one.affine:
                nn.init.normal_(one.weight, 1, 0.2)
                nn.init.normal_(one.bias, 0, 0.2)
    return module.eval()


def theirs(module, *arrays):
    tensors = [torch.from_numpy(np.moveaxis(a, -1, 1).copy() if a.ndim == 4 else a) for a in arrays]
    with torch.no_grad():
        out = module(*tensors).numpy()
    return np.moveaxis(out, 1, -1) if out.ndim == 4 else out


def normal(seed, *shape):
    return seeded(seed).standard_normal(shape).astype(np.float32)


def same(found, expected):
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


class Generator(nn.Module):
    """The generator of PyTorch's DCGAN example, 64×64."""

    def __init__(self, nz=20, ngf=4, nc=3):
        super().__init__()
        self.main = nn.Sequential(
            nn.ConvTranspose2d(nz, ngf * 8, 4, 1, 0, bias=False), nn.BatchNorm2d(ngf * 8), nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 8, ngf * 4, 4, 2, 1, bias=False), nn.BatchNorm2d(ngf * 4), nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 4, ngf * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(ngf * 2), nn.ReLU(True),
            nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False), nn.BatchNorm2d(ngf), nn.ReLU(True),
            nn.ConvTranspose2d(ngf, nc, 4, 2, 1, bias=False), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z):
        return self.main(z[:, :, None, None])


class Discriminator(nn.Module):
    """The discriminator of PyTorch's DCGAN example, without its sigmoid: a score leaves D as a logit here."""

    def __init__(self, nc=3, ndf=4):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(nc, ndf, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf, ndf * 2, 4, 2, 1, bias=False), nn.BatchNorm2d(ndf * 2), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf * 2, ndf * 4, 4, 2, 1, bias=False), nn.BatchNorm2d(ndf * 4), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf * 4, ndf * 8, 4, 2, 1, bias=False), nn.BatchNorm2d(ndf * 8), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(ndf * 8, 1, 4, 1, 0, bias=False),
        )  # fmt: skip

    def forward(self, x):
        return self.main(x).flatten(1)


@pytest.mark.parametrize("source", ["state_dict", "module", "pth", "safetensors", "data parallel"])
def test_the_dcgan_example_goes_into_dcgan(tmp_path, source):
    G, D = lived(Generator()), lived(Discriminator())
    gan = gn.models.dcgan((64, 64, 3), 20, width=4, seed=1)
    for ours, module in ((gan.generator, G), (gan.discriminator, D)):
        given = state = module.state_dict()
        if source == "module":
            given = module
        elif source == "data parallel":
            given = {f"module.{name}": value for name, value in state.items()}
        elif source == "pth":
            given = tmp_path / "weights.pth"
            torch.save(state, given)
        elif source == "safetensors":
            from safetensors.torch import save_file

            given = str(tmp_path / "weights.safetensors")
            save_file(state, given)
        report = load_torch(ours, given)
        assert not report.by_name
    z, images = normal(0, 5, 20), normal(1, 5, 64, 64, 3)
    same(gan.generate(z), theirs(G, z))
    same(gan.discriminator(images), theirs(D, images))


def test_the_report_says_what_went_where():
    gan = gn.models.dcgan((8, 8, 1), 3, width=2)
    module = nn.Sequential(
        nn.ConvTranspose2d(3, 2, 4, bias=False),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.ConvTranspose2d(2, 1, 4, 2, 1, bias=False),
    )
    assert str(load_torch(gan.generator, module)).splitlines() == [
        "here                shape    there           shape",
        "0.weight            3×32     0.weight        3×2×4×4  a convolution that is a dense layer",
        "2.scale             2        1.weight        2",
        "2.bias              2        1.bias          2",
        "2.running_mean      2        1.running_mean  2",
        "2.running_variance  2        1.running_var   2",
        "3.weight            4×4×1×2  3.weight        2×1×4×4",
        "3.bias              1        —               —        0, which is not there",
        "7 arrays, modules found in order",
    ]


def test_one_pixel_that_grows_stays_a_convolution():
    structure = gn.Sequential(
        gn.Reshape(1, 1, 20), gn.ConvTranspose2d(6, 4, bias=False), gn.BatchNorm(activation="relu"),
        gn.ConvTranspose2d(2, (3, 4), stride=(1, 2), padding=(0, 1), output_padding=(0, 1), activation="tanh"),
    )  # fmt: skip
    ours = gn.Network(structure, (20,))
    module = lived(
        nn.Sequential(
            nn.Unflatten(1, (20, 1, 1)),
            nn.ConvTranspose2d(20, 6, 4, bias=False),
            nn.BatchNorm2d(6),
            nn.ReLU(),
            nn.ConvTranspose2d(6, 2, (3, 4), (1, 2), (0, 1), (0, 1)),
            nn.Tanh(),
        )
    )
    load_torch(ours, module)
    z = normal(0, 3, 20)
    same(ours(z), theirs(module, z))


def test_groups():
    structure = gn.Sequential(gn.Conv2d(6, 3, groups=2), gn.ConvTranspose2d(9, 2, stride=2, groups=3))
    ours = gn.Network(structure, (5, 4, 4))
    module = nn.Sequential(nn.Conv2d(4, 6, 3, groups=2), nn.ConvTranspose2d(6, 9, 2, 2, groups=3))
    load_torch(ours, module)
    x = normal(0, 3, 5, 4, 4)
    same(ours(x), theirs(module, x))


class ConditionalGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.project = nn.Linear(5 + 3, 8 * 4 * 4, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.up1 = nn.ConvTranspose2d(8, 4, 4, 2, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4)
        self.up2 = nn.ConvTranspose2d(4, 1, 4, 2, 1)

    def forward(self, z, label):
        x = self.project(torch.cat([z, label], 1)).view(-1, 8, 4, 4)
        x = self.up1(torch.relu(self.norm1(x)))
        return torch.tanh(self.up2(torch.relu(self.norm2(x))))


class ConditionalDiscriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1 + 3, 4, 4, 2, 1)
        self.conv2 = nn.Conv2d(4, 8, 4, 2, 1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.out = nn.Linear(8 * 4 * 4, 1)

    def forward(self, x, label):
        planes = label[:, :, None, None].expand(-1, -1, *x.shape[2:])
        x = nn.functional.leaky_relu(self.conv1(torch.cat([x, planes], 1)), 0.2)
        return self.out(nn.functional.leaky_relu(self.norm(self.conv2(x)), 0.2).flatten(1))


@pytest.mark.parametrize("through_a_file", [False, True])
def test_a_conditional_gan_with_one_hot_labels(tmp_path, through_a_file):
    gan = gn.models.conditional_dcgan((16, 16, 1), 5, classes=3, width=4)
    G, D = lived(ConditionalGenerator()), lived(ConditionalDiscriminator())
    for ours, module in ((gan.generator, G), (gan.discriminator, D)):
        given = module
        if through_a_file:  # whose names are in alphabetical order: norm1, norm2, project, up1, …
            from safetensors.torch import save_file

            given = tmp_path / "weights.safetensors"
            save_file(module.state_dict(), given)
        load_torch(ours, given)
    z, images, context = normal(0, 4, 5), normal(1, 4, 16, 16, 1), gan.context_of(np.array([0, 2, 1, 1]))
    same(gan.generate(z, context), theirs(G, z, context))
    same(gan.discriminator((images, context)), theirs(D, images, context))


class Block(nn.Module):
    """A generator's block of an SNGAN."""

    def __init__(self, before, after):
        super().__init__()
        self.b1, self.c1 = nn.BatchNorm2d(before), nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.b2, self.c2 = nn.BatchNorm2d(after), nn.Conv2d(after, after, 3, padding=1)
        self.c_sc = nn.Conv2d(before, after, 1)

    def forward(self, x):
        up = nn.Upsample(scale_factor=2, mode="nearest")
        y = self.c2(torch.relu(self.b2(self.c1(up(torch.relu(self.b1(x)))))))
        return y + self.c_sc(up(x))


class ResidualGenerator(nn.Module):
    def __init__(self):
        super().__init__()
        self.l1 = nn.Linear(5, 4 * 4 * 4)
        self.block2, self.block3 = Block(4, 2), Block(2, 2)
        self.b4, self.c4 = nn.BatchNorm2d(2), nn.Conv2d(2, 3, 3, padding=1)

    def forward(self, z):
        x = self.block3(self.block2(self.l1(z).view(-1, 4, 4, 4)))
        return torch.tanh(self.c4(torch.relu(self.b4(x))))


class DownBlock(nn.Module):
    def __init__(self, before, after, first, wrap):
        super().__init__()
        self.first = first
        self.c1 = wrap(nn.Conv2d(before, after, 3, padding=1))
        self.c2 = wrap(nn.Conv2d(after, after, 3, padding=1))
        self.c_sc = wrap(nn.Conv2d(before, after, 1))

    def forward(self, x):
        y = self.c2(torch.relu(self.c1(x if self.first else torch.relu(x))))
        return nn.functional.avg_pool2d(y, 2) + nn.functional.avg_pool2d(self.c_sc(x), 2)


class ResidualDiscriminator(nn.Module):
    def __init__(self, wrap):
        super().__init__()
        self.block1, self.block2 = DownBlock(3, 2, True, wrap), DownBlock(2, 4, False, wrap)
        self.out = wrap(nn.Linear(4 * 4 * 4, 1))

    def forward(self, x):
        return self.out(torch.relu(self.block2(self.block1(x))).flatten(1))


def test_a_residual_generator():
    gan, G = gn.models.residual_gan((16, 16, 3), 5, width=2), lived(ResidualGenerator())
    load_torch(gan.generator, G)
    z = normal(0, 4, 5)
    same(gan.generate(z), theirs(G, z))


@pytest.mark.parametrize("wrap", [spectral_norm, parametrized], ids=["weight_orig", "parametrizations"])
@pytest.mark.parametrize("steps", [1, 40], ids=["u of the start", "u that has settled"])
def test_spectral_normalisation_in_both_spellings(wrap, steps):
    D = ResidualDiscriminator(wrap)
    images = normal(1, 4, 16, 16, 3)
    for _ in range(steps):
        theirs(D, images)  # in training mode u and v move
    D.eval()
    ours = gn.models.residual_gan((16, 16, 3), 5, width=2).discriminator
    report = load_torch(ours, D)
    assert "spectral_u" in str(report)
    same(ours(images), theirs(D, images))
    plain = gn.models.residual_gan((16, 16, 3), 5, width=2, d_norm="none").discriminator
    assert "divided by its spectral norm" in str(load_torch(plain, D))
    same(plain(images), theirs(D, images))


def test_after_loading_training_goes_on_with_u_of_length_one():
    D = nn.Sequential(spectral_norm(nn.Conv2d(2, 3, 3)))
    ours = gn.Network(gn.SpectralNorm(gn.Conv2d(3, 3)), (5, 5, 2))
    load_torch(ours, D)
    ours.forward(normal(0, 2, 5, 5, 2), training=True, update_state=True)
    assert abs(np.linalg.norm(ours.state["spectral_u"]) - 1) < 1e-6


def test_a_transposed_convolution_and_a_dense_layer_with_spectral_norm():
    module = nn.Sequential(
        spectral_norm(nn.Linear(3, 2 * 2 * 3)),
        nn.Unflatten(1, (3, 2, 2)),
        spectral_norm(nn.ConvTranspose2d(3, 3, 2, 2)),
    )
    structure = gn.Sequential(
        gn.SpectralNorm(gn.Dense(12)), gn.Reshape(2, 2, 3), gn.SpectralNorm(gn.ConvTranspose2d(3, 2, stride=2))
    )
    ours, z = gn.Network(structure, (3,)), normal(0, 4, 3)
    theirs(module, z)
    load_torch(ours, module.eval())
    same(ours(z), theirs(module, z))


def test_normalisations_of_each_example():
    module = nn.Sequential(
        nn.Conv2d(2, 4, 1), nn.GroupNorm(2, 4), nn.LayerNorm([4, 3, 3]), nn.InstanceNorm2d(4), nn.Flatten(),
        nn.LayerNorm(36), nn.Linear(36, 2), nn.BatchNorm1d(2, affine=False),
    )  # fmt: skip
    for one in (module[2], module[5]):
        nn.init.normal_(one.weight)
    structure = gn.Sequential(
        gn.Conv2d(4, 1), gn.GroupNorm(2), gn.LayerNorm(), gn.InstanceNorm(), gn.Flatten(), gn.LayerNorm(), gn.Dense(2),
        gn.BatchNorm(),
    )  # fmt: skip
    ours, x = gn.Network(structure, (3, 3, 2)), normal(0, 4, 3, 3, 2)
    load_torch(ours, lived(module))
    same(ours(x), theirs(module, x))


def test_names_say_which_module_a_layer_takes():
    module = nn.ModuleDict({"second": nn.Linear(3, 3), "first": nn.Linear(3, 3)})
    ours = gn.Network(gn.Sequential(gn.Dense(3), gn.Dense(3)), (3,))
    report = load_torch(ours, module, names={"0": "first", "1": "second"})
    assert report.by_name
    x = normal(0, 2, 3)
    same(ours(x), theirs(nn.Sequential(module["first"], module["second"]), x))
    load_torch(ours, module, names={"0": "first"})
    same(ours(x), theirs(nn.Sequential(module["first"], module["second"]), x))
    load_torch(ours, module)
    same(ours(x), theirs(nn.Sequential(module["second"], module["first"]), x))
    with pytest.raises(ValueError, match=r"^names: there is no layer '7' with parameters here; there are 0, 1"):
        load_torch(ours, module, names={"7": "first"})
    with pytest.raises(ValueError, match=r"^names: there is no module 'third' there; there are second, first"):
        load_torch(ours, module, names={"0": "third"})


def test_a_float64_network_takes_float32_weights():
    module = nn.Linear(3, 2).bfloat16()
    ours = gn.Network(gn.Dense(2), (3,), dtype="float64")
    load_torch(ours, module)
    np.testing.assert_array_equal(ours.parameters["weight"], module.weight.detach().float().numpy().T)


SMALL = gn.Sequential(gn.Conv2d(4, 3), gn.BatchNorm(), gn.Flatten(), gn.Dense(2, bias=False))


def small(*, channels=4, out=2, bias=False, norm=True, tail=()):
    middle = [nn.BatchNorm2d(channels)] if norm else []
    return nn.Sequential(
        nn.Conv2d(2, channels, 3), *middle, nn.Flatten(), nn.Linear(9 * channels, out, bias=bias), *tail
    )


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (
            lambda: small(channels=5),
            r"^0\.weight: is \(3, 3, 2, 4\) here, so \(4, 2, 3, 3\) in PyTorch; '0\.weight' is \(5, 2, 3, 3\)",
        ),
        (lambda: small(out=3), r"^3\.weight: is \(36, 2\) here, so \(2, 36\) in PyTorch; '3\.weight' is \(3, 36\)"),
        (
            lambda: small(norm=False),
            r"^1: needs weight \(4,\), bias \(4,\), running_mean \(4,\), running_var \(4,\), and nothing",
        ),
        (lambda: small(bias=True), r"^3: has nothing here for '3\.bias' \(2,\); give the layer bias=True"),
        (lambda: small(tail=[nn.Linear(2, 1)]), r"^source: the network has no layer for 4\.weight \(1, 2\), 4\.bias \(1,\)"),
        (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(3, 2)), "of a parametrisation that is not known"),
        (lambda: nn.utils.weight_norm(nn.Linear(3, 2)), "of a parametrisation that is not known"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:.*weight_norm.* is deprecated:FutureWarning")
def test_what_does_not_fit_is_named_and_nothing_changes(module, words):
    ours = gn.Network(SMALL, (5, 5, 2))
    before = ours.parameters.values.copy(), ours.state.values.copy()
    load_torch(gn.Network(SMALL, (5, 5, 2)), small())
    with pytest.raises(ValueError, match=words):
        load_torch(ours, module())
    np.testing.assert_array_equal(ours.parameters.values, before[0])
    np.testing.assert_array_equal(ours.state.values, before[1])


def test_a_plain_weight_is_refused_where_this_library_normalises_it():
    with pytest.raises(gn.ShapeError, match="spectrally normalised here, and 'weight' has no u beside it"):
        load_torch(gn.Network(gn.SpectralNorm(gn.Dense(2)), (3,)), nn.Linear(3, 2))


def test_sources_that_are_none(tmp_path):
    ours = gn.Network(gn.Dense(2), (3,))
    state = nn.Linear(3, 2).state_dict()
    torch.save({"generator": state, "epoch": 3}, tmp_path / "all.pth")
    torch.save(nn.Linear(3, 2), tmp_path / "module.pth")
    (tmp_path / "damaged.pth").write_bytes(b"nothing")
    (tmp_path / "damaged.safetensors").write_bytes(b"nothing")
    gn.save(ours, tmp_path / "own.safetensors")
    for source, words in [
        (tmp_path / "all.pth", "^source: expected a state_dict, got one of several things with 'generator'"),
        (
            tmp_path / "module.pth",
            r"^source: .* cannot be read as weights alone \(save module\.state_dict\(\) in PyTorch\)",
        ),
        (tmp_path / "damaged.pth", "^source: .* cannot be read as weights alone"),
        (tmp_path / "damaged.safetensors", "^source: .* cannot be read"),
        (tmp_path / "own.safetensors", "^source: .* cannot be read: a file of gan_np itself"),
        (tmp_path / "weights.h5", r"^source: expected a file that ends in \.safetensors or \.pth"),
        ({}, "^source: the state_dict is empty"),
        ({"weight": "much"}, "^source: 'weight': expected a tensor, got 'much'"),
        (7, "^source: expected a state_dict, a module of PyTorch or a file, got 7"),
    ]:
        with pytest.raises((ValueError, TypeError), match=words):
            load_torch(ours, source)
    with pytest.raises(FileNotFoundError):
        load_torch(ours, tmp_path / "nothing.pth")
    with pytest.raises(TypeError, match=r"^network: expected a Network"):
        load_torch(gn.models.dcgan((8, 8, 1), 3, width=2), state)


def test_a_wrong_order_of_features_is_noticed():
    """The negative control: without the permutation between channels first and last, a discriminator gives other logits."""
    D, ours = lived(ConditionalDiscriminator()), gn.models.conditional_dcgan((16, 16, 1), 5, classes=3, width=4)
    load_torch(ours.discriminator, D)
    images, context = normal(1, 4, 16, 16, 1), ours.context_of(np.array([0, 2, 1, 1]))
    same(ours.discriminator((images, context)), theirs(D, images, context))
    values = ours.discriminator.parameters
    name = next(one.name for one in reversed(values.layout.segments) if one.name.endswith("weight"))
    wrong = values.values.copy()
    values.layout.view(wrong, name)[...] = D.out.weight.detach().numpy().T
    values.assign(wrong)
    assert np.abs(ours.discriminator((images, context)) - theirs(D, images, context)).max() > 0.01
