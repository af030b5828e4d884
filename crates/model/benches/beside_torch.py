"""One denoising step, the reference pass and a decoded picture of SD1.5-class networks in PyTorch, to stand beside
`stuntdouble bench --preset sd15`.

The same layers, widths and conditions: temporal modules after every layer, the reference's tokens in the self-attentions
of the mid and up blocks, one context token, objects blended in the mid and up blocks, both halves of guidance in one batch.
Random weights. Written for the comparison; it follows the table of shapes in `denoising_net.rs`.

    python beside_torch.py [f32|bf16] [SIZE] [FRAMES] [THREADS] [REPEAT]
"""
import resource
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTHS, HEADS, LAYERS, CONTEXT, TIME = [320, 640, 1280, 1280], 8, 2, 768, 1280


class Attention(nn.Module):
    def __init__(self, c, context=None):
        super().__init__()
        self.q = nn.Linear(c, c, bias=False)
        self.k = nn.Linear(context or c, c, bias=False)
        self.v = nn.Linear(context or c, c, bias=False)
        self.out = nn.Linear(c, c)

    def forward(self, x, keys_values):
        heads = lambda t: t.view(t.shape[0], t.shape[1], HEADS, -1).transpose(1, 2)
        y = F.scaled_dot_product_attention(heads(self.q(x)), *map(heads, keys_values))
        return self.out(y.transpose(1, 2).reshape(x.shape))

    def keys_values(self, x):
        return self.k(x), self.v(x)


class FeedForward(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.up, self.down = nn.Linear(c, 8 * c), nn.Linear(4 * c, c)

    def forward(self, x):
        value, gate = self.up(x).chunk(2, -1)
        return self.down(value * F.gelu(gate))


class Transformer(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm = nn.GroupNorm(32, c)
        self.proj_in, self.proj_out = nn.Conv2d(c, c, 1), nn.Conv2d(c, c, 1)
        self.norms = nn.ModuleList(nn.LayerNorm(c) for _ in range(3))
        self.own, self.cross, self.ff = Attention(c), Attention(c, CONTEXT), FeedForward(c)

    def forward(self, x, context, reference):
        m, c, h, w = x.shape
        t = self.proj_in(self.norm(x)).permute(0, 2, 3, 1).reshape(m, h * w, c)
        normal = self.norms[0](t)
        keys_values = self.own.keys_values(normal)
        if reference is None:
            t = t + self.own(normal, keys_values)
        else:
            # The conditional half sees the reference, whose keys and values were made once.
            half = m // 2
            joined = [torch.cat([a[:half], r.expand(half, -1, -1)], 1) for a, r in zip(keys_values, reference)]
            with_it = self.own(normal[:half], joined)
            without = self.own(normal[half:], [a[half:] for a in keys_values])
            t = t + torch.cat([with_it, without])
        t = t + self.cross(self.norms[1](t), self.cross.keys_values(context))
        t = t + self.ff(self.norms[2](t))
        return x + self.proj_out(t.view(m, h, w, c).permute(0, 3, 1, 2))


class Motion(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm = nn.GroupNorm(32, c)
        self.proj_in, self.proj_out = nn.Linear(c, c), nn.Linear(c, c)
        self.attentions = nn.ModuleList(Attention(c) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(c) for _ in range(3))
        self.ff = FeedForward(c)
        self.register_buffer("positions", torch.randn(1, 32, c))

    def forward(self, x, frames):
        m, c, h, w = x.shape
        b = m // frames
        t = self.norm(x).permute(0, 2, 3, 1).reshape(b, frames, h * w, c).transpose(1, 2).reshape(b * h * w, frames, c)
        t = self.proj_in(t)
        for attention, norm in zip(self.attentions, self.norms):
            y = norm(t) + self.positions[:, :frames]
            t = t + attention(y, attention.keys_values(y))
        t = self.proj_out(t + self.ff(self.norms[2](t)))
        return x + t.view(b, h * w, frames, c).transpose(1, 2).reshape(m, h, w, c).permute(0, 3, 1, 2)


class Resnet(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(32, a), nn.GroupNorm(32, b)
        self.conv1, self.conv2 = nn.Conv2d(a, b, 3, padding=1), nn.Conv2d(b, b, 3, padding=1)
        self.time = nn.Linear(TIME, b)
        self.short = nn.Conv2d(a, b, 1) if a != b else nn.Identity()

    def forward(self, x, time):
        y = self.conv1(F.silu(self.norm1(x))) + self.time(time)[:, :, None, None]
        return self.short(x) + self.conv2(F.silu(self.norm2(y)))


class Blend(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv = nn.Conv2d(2 * c, 1, 1)

    def forward(self, x, objects):
        alpha = torch.sigmoid(self.conv(torch.cat([x, objects], 1)))
        return x + alpha * (objects - x)


class Layer(nn.Module):
    def __init__(self, a, b, attends, blends):
        super().__init__()
        self.resnet, self.motion = Resnet(a, b), Motion(b)
        self.transformer = Transformer(b) if attends else None
        self.blend = Blend(b) if attends and blends else None

    def forward(self, x, given, level, reference):
        x = self.resnet(x, given["time"])
        if self.transformer is not None:
            x = self.transformer(x, given["context"], reference)
        if self.blend is not None:
            x = self.blend(x, given["objects"][level])
        return self.motion(x, given["frames"])


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        w, levels = WIDTHS, len(WIDTHS)
        self.conv_in, self.conv_out = nn.Conv2d(8, w[0], 3, padding=1), nn.Conv2d(w[0], 4, 3, padding=1)
        self.norm_out = nn.GroupNorm(32, w[0])
        self.time = nn.Sequential(nn.Linear(w[0], TIME), nn.SiLU(), nn.Linear(TIME, TIME))
        self.down, skips = nn.ModuleList(), [w[0]]
        for i, width in enumerate(w):
            block = nn.ModuleDict({"layers": nn.ModuleList()})
            for j in range(LAYERS):
                block["layers"].append(Layer(w[max(i - 1, 0)] if j == 0 else width, width, i + 1 < levels, False))
                skips.append(width)
            if i + 1 < levels:
                block["resize"] = nn.Conv2d(width, width, 3, 2, 1)
                skips.append(width)
            self.down.append(block)
        self.mid, self.mid_out = Layer(w[-1], w[-1], True, True), Resnet(w[-1], w[-1])
        self.up, before = nn.ModuleList(), w[-1]
        for i, width in reversed(list(enumerate(w))):
            block = nn.ModuleDict({"layers": nn.ModuleList()})
            for _ in range(LAYERS + 1):
                block["layers"].append(Layer(before + skips.pop(), width, i + 1 < levels, True))
                before = width
            if i > 0:
                block["resize"] = nn.Conv2d(width, width, 3, padding=1)
            self.up.append(block)

    def reference(self, x, given):
        """The reference pass: one picture, no time, no objects, up to the last self-attention's input."""
        given = dict(given, time=F.silu(self.time(given["time"])))

        def plain(layer, x):
            x = layer.resnet(x, given["time"])
            return x if layer.transformer is None else layer.transformer(x, given["context"][:1], None)

        x = self.conv_in(x)
        skips = [x]
        for block in self.down:
            for layer in block["layers"]:
                x = plain(layer, x)
                skips.append(x)
            if "resize" in block:
                x = block["resize"](x)
                skips.append(x)
        x = self.mid_out(plain(self.mid, x), given["time"])
        for i, block in enumerate(self.up):
            for j, layer in enumerate(block["layers"]):
                x = torch.cat([x, skips.pop()], 1)
                if i + 1 == len(self.up) and j == LAYERS:
                    return layer.resnet(x, given["time"])
                x = plain(layer, x)
            if "resize" in block:
                x = block["resize"](F.interpolate(x, scale_factor=2.0))

    def forward(self, x, given):
        sites = iter(given["reference"])
        given = dict(given, time=F.silu(self.time(given["time"])))
        x = self.conv_in(x) + given["pose"]
        skips = [x]
        for i, block in enumerate(self.down):
            for layer in block["layers"]:
                x = layer(x, given, i, None)
                skips.append(x)
            if "resize" in block:
                x = block["resize"](x)
                skips.append(x)
        x = self.mid_out(self.mid(x, given, len(WIDTHS) - 1, next(sites)), given["time"])
        for i, block in zip(reversed(range(len(WIDTHS))), self.up):
            for layer in block["layers"]:
                reference = next(sites) if layer.transformer is not None else None
                x = layer(torch.cat([x, skips.pop()], 1), given, i, reference)
            if "resize" in block:
                x = block["resize"](F.interpolate(x, scale_factor=2.0))
        return self.conv_out(F.silu(self.norm_out(x)))


class Plain(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(32, a), nn.GroupNorm(32, b)
        self.conv1, self.conv2 = nn.Conv2d(a, b, 3, padding=1), nn.Conv2d(b, b, 3, padding=1)
        self.short = nn.Conv2d(a, b, 1) if a != b else nn.Identity()

    def forward(self, x):
        y = self.conv1(F.silu(self.norm1(x)))
        return self.short(x) + self.conv2(F.silu(self.norm2(y)))


class Decoder(nn.Module):
    """The decoder of the SD1.5 autoencoder."""

    def __init__(self):
        super().__init__()
        self.conv_in, self.norm = nn.Conv2d(4, 512, 3, padding=1), nn.GroupNorm(32, 512)
        self.mid = nn.ModuleList([Plain(512, 512), Plain(512, 512)])
        self.maps = nn.ModuleList(nn.Linear(512, 512) for _ in range(4))
        self.up, before = nn.ModuleList(), 512
        for i, width in enumerate([512, 512, 256, 128]):
            block = nn.ModuleDict({"layers": nn.ModuleList()})
            for _ in range(3):
                block["layers"].append(Plain(before, width))
                before = width
            if i < 3:
                block["resize"] = nn.Conv2d(width, width, 3, padding=1)
            self.up.append(block)
        self.norm_out, self.conv_out = nn.GroupNorm(32, 128), nn.Conv2d(128, 3, 3, padding=1)

    def forward(self, x):
        x = self.mid[0](self.conv_in(x))
        m, c, h, w = x.shape
        t = self.norm(x).permute(0, 2, 3, 1).reshape(m, 1, h * w, c)
        y = self.maps[3](F.scaled_dot_product_attention(*(linear(t) for linear in self.maps[:3])))
        x = self.mid[1](x + y.view(m, h, w, c).permute(0, 3, 1, 2))
        for block in self.up:
            for layer in block["layers"]:
                x = layer(x)
            if "resize" in block:
                x = block["resize"](F.interpolate(x, scale_factor=2.0))
        return self.conv_out(F.silu(self.norm_out(x)))


@torch.inference_mode()
def main():
    arguments = sys.argv[1:] + ["f32", "256", "8", "2", "5"][len(sys.argv) - 1:]
    kind = torch.bfloat16 if arguments[0] == "bf16" else torch.float32
    size, frames, threads, repeat = map(int, arguments[1:5])
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    torch.set_default_dtype(kind)
    network = Network().eval().to(memory_format=torch.channels_last)
    cells, m = size // 8, 2 * frames
    last = lambda t: t.to(memory_format=torch.channels_last)
    sides = [cells >> level for level in range(len(WIDTHS))]
    tokens = lambda side, c: tuple(torch.randn(1, side * side, c) for _ in range(2))
    reference = [tokens(sides[3], 1280)]
    for level in (2, 1, 0):
        reference += [tokens(sides[level], WIDTHS[level]) for _ in range(LAYERS + 1)]
    given = {
        "time": torch.randn(1, WIDTHS[0]),
        "context": torch.randn(m, 1, CONTEXT),
        "pose": last(torch.randn(m, WIDTHS[0], cells, cells)),
        "objects": [last(torch.randn(m, w, s, s)) for w, s in zip(WIDTHS, sides)],
        "reference": reference,
        "frames": frames,
    }
    def median(work):
        times = []
        for _ in range(repeat + 1):
            start = time.perf_counter()
            work()
            times.append(time.perf_counter() - start)
        return sorted(times[1:])[repeat // 2] * 1e3

    peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    x = last(torch.randn(m, 8, cells, cells))
    print(f"PyTorch {torch.__version__}, {arguments[0]}, {size} pixels, {frames} frames, {threads} threads")
    print(f"reference {median(lambda: network.reference(x[:1], given)):.0f} ms", flush=True)
    print(f"guided step {median(lambda: network(x, given)):.0f} ms, peak {peak():.0f} MiB", flush=True)
    decoder = Decoder().eval().to(memory_format=torch.channels_last)
    latent = last(torch.randn(1, 4, cells, cells))
    print(f"decode a frame {median(lambda: decoder(latent)):.0f} ms, peak so far {peak():.0f} MiB")


main()
