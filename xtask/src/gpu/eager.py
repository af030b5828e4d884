"""The finisher's architecture in PyTorch eager, to time beside ours: eager.py DEVICE BATCH FRAMES SIDE STEPS."""
import sys
import time

import torch
from torch import nn
import torch.nn.functional as F

PATCH = 2
WIDTHS = [24, 48, 96, 128]
ATTENDS = [False, False, False, True]
LEVELS = range(len(WIDTHS))


class Resnet(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.norm1, self.norm2 = nn.GroupNorm(8, c_in), nn.GroupNorm(8, c_out)
        self.conv1, self.conv2 = nn.Conv2d(c_in, c_out, 3, padding=1), nn.Conv2d(c_out, c_out, 3, padding=1)
        self.short = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x):
        y = self.conv1(F.silu(self.norm1(x)))
        return self.short(x) + self.conv2(F.silu(self.norm2(y)))


class Attention(nn.Module):
    def __init__(self, c, heads):
        super().__init__()
        self.q, self.k, self.v, self.o = (nn.Linear(c, c, bias=b) for b in (False, False, False, True))
        self.heads = heads

    def forward(self, x, context):
        split = lambda t: t.view(*t.shape[:2], self.heads, -1).transpose(1, 2)
        y = F.scaled_dot_product_attention(split(self.q(x)), split(self.k(context)), split(self.v(context)))
        return self.o(y.transpose(1, 2).reshape(x.shape))


class FeedForward(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.a, self.b = nn.Linear(c, 8 * c), nn.Linear(4 * c, c)

    def forward(self, x):
        values, gates = self.a(x).chunk(2, -1)
        return self.b(values * F.gelu(gates))


class Spatial(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm, self.i, self.o = nn.GroupNorm(8, c), nn.Conv2d(c, c, 1), nn.Conv2d(c, c, 1)
        self.n1, self.n3, self.attn, self.ff = nn.LayerNorm(c), nn.LayerNorm(c), Attention(c, c // 32), FeedForward(c)

    def forward(self, x, reference):
        m, c, h, w = x.shape
        t = self.i(self.norm(x)).flatten(2).transpose(1, 2)
        n = self.n1(t)
        reference = reference.repeat_interleave(m // reference.shape[0], 0)
        t = t + self.attn(n, torch.cat([n, reference], 1))
        t = t + self.ff(self.n3(t))
        return x + self.o(t.transpose(1, 2).reshape(x.shape))


class Motion(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.norm, self.i, self.o = nn.GroupNorm(8, c), nn.Linear(c, c), nn.Linear(c, c)
        self.n1, self.n2, self.attn, self.ff = nn.LayerNorm(c), nn.LayerNorm(c), Attention(c, 4), FeedForward(c)

    def forward(self, x, batch):
        m, c, h, w = x.shape
        t = self.norm(x).view(batch, m // batch, c, h * w).permute(0, 3, 1, 2).reshape(batch * h * w, m // batch, c)
        t = self.i(t)
        n = self.n1(t)
        t = t + self.attn(n, n)
        t = self.o(t + self.ff(self.n2(t)))
        return x + t.view(batch, h * w, m // batch, c).permute(0, 2, 3, 1).reshape(x.shape)


class Level(nn.Module):
    def __init__(self, index, c_in):
        super().__init__()
        c = WIDTHS[index]
        self.resnet = Resnet(c_in, c)
        self.spatial = Spatial(c) if ATTENDS[index] else None
        self.motion = Motion(c) if ATTENDS[index] else None

    def forward(self, x, batch, reference):
        x = self.resnet(x)
        return x if self.spatial is None else self.motion(self.spatial(x, reference), batch)


class Finisher(nn.Module):
    def __init__(self):
        super().__init__()
        down = lambda: nn.ModuleList(nn.Conv2d(c, c, 3, 2, 1) for c in WIDTHS[:-1])
        self.conv_in, self.ref_in = nn.Conv2d(17 * PATCH**2, WIDTHS[0], 3, padding=1), nn.Conv2d(7, WIDTHS[0], 3, padding=1)
        before = [WIDTHS[max(i - 1, 0)] for i in LEVELS]
        self.down, self.downs = nn.ModuleList(Level(i, before[i]) for i in LEVELS), down()
        self.ref, self.refs = nn.ModuleList(Resnet(before[i], WIDTHS[i]) for i in LEVELS), down()
        self.norms = nn.ModuleList(nn.GroupNorm(8, c) for c in WIDTHS)
        self.mid = Level(len(WIDTHS) - 1, WIDTHS[-1])
        self.up = nn.ModuleList(Level(i, 2 * WIDTHS[i]) for i in reversed(LEVELS))
        self.ups = nn.ModuleList(nn.Conv2d(WIDTHS[i + 1], WIDTHS[i], 3, padding=1) for i in reversed(LEVELS[:-1]))
        self.norm, self.out = nn.GroupNorm(8, WIDTHS[0]), nn.Conv2d(WIDTHS[0], 5 + 4 * PATCH**2, 3, padding=1)

    def forward(self, known, character):
        tokens, y = [], self.ref_in(character)
        for i in LEVELS:
            y = self.ref[i](y)
            tokens.append(self.norms[i](y).flatten(2).transpose(1, 2))
            y = self.refs[i](y) if i < LEVELS[-1] else y
        batch = known.shape[0]
        frames = known.transpose(1, 2).flatten(0, 1)
        x = self.conv_in(F.pixel_unshuffle(frames, PATCH))
        skips = []
        for i in LEVELS:
            x = self.down[i](x, batch, tokens[i])
            skips.append(x)
            x = self.downs[i](x) if i < LEVELS[-1] else x
        x = self.mid(x, batch, tokens[-1])
        for step, i in enumerate(reversed(LEVELS)):
            x = self.up[step](torch.cat([x, skips[i]], 1), batch, tokens[i])
            x = self.ups[step](F.interpolate(x, scale_factor=2)) if i > 0 else x
        return self.retouched(frames, self.out(F.silu(self.norm(x))).float())

    def retouched(self, frames, maps):
        size = frames.shape[-2:]
        enlarged = lambda x: F.interpolate(x, size, mode="bilinear")
        shift, light = enlarged(maps[:, :2]), enlarged(F.avg_pool2d(maps[:, 2:5], 8))
        fine = F.pixel_shuffle(maps[:, 5:], PATCH)
        still = F.affine_grid(torch.eye(2, 3, device=maps.device).repeat(len(maps), 1, 1), (len(maps), 1, *size))
        under, layer, alpha = frames[:, 3:6], frames[:, 6:11], frames[:, 9:10]
        moved = F.grid_sample(layer, still + shift.permute(0, 2, 3, 1), padding_mode="border")
        coverage = (moved[:, 3:4] + fine[:, :1]).clamp(0, 1)
        unknown = (1 - moved[:, 3:4] + moved[:, 4:5]).clamp(0, 1)
        colour = (moved[:, :3] * light.exp() + unknown * fine[:, 1:]).clamp(0, 1)
        return frames[:, :3] + coverage * (colour - under) - alpha * (layer[:, :3] - under)


def main():
    device, (batch, frames, side, steps) = sys.argv[1], map(int, sys.argv[2:6])
    torch.backends.cuda.matmul.allow_tf32 = True
    network = Finisher().to(device)
    optimizer = torch.optim.AdamW(network.parameters(), 1e-5)
    known, character = torch.rand(batch, 17, frames, side, side, device=device), torch.rand(batch, 7, side, side, device=device)
    wait = torch.cuda.synchronize if device.startswith("cuda") else lambda: None
    for name, half in [("f32/TF32", False), ("bf16 autocast", True)]:
        for counted in (False, True):
            start, count = time.time(), steps if counted else 3
            for _ in range(count):
                with torch.autocast(device.split(":")[0], torch.bfloat16, enabled=half):
                    loss = network(known, character).float().square().mean()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            wait()
        seconds = (time.time() - start) / steps
        print(f"PyTorch eager, {name}: {1e3 * seconds:.1f} ms a step of {batch}x{frames} frames, {batch * frames / seconds:.1f} frames/s")


main()
