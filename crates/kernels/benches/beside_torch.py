"""The kernels of `kernels.rs` in PyTorch at the same shapes: best and median of 7.

    python beside_torch.py [THREADS] [NAME..]

One thread is timed by its processor time, more by the wall clock.
"""
import sys
import time

import torch
import torch.nn.functional as F

threads = int(sys.argv[1]) if len(sys.argv) > 1 else 1
names = sys.argv[2:]
torch.set_num_threads(threads); torch.manual_seed(1)
clock = time.thread_time if threads == 1 else time.perf_counter
print(torch.__version__, torch.backends.cpu.get_cpu_capability(), threads, 'threads')
def run(name, fn):
    if names and not any(n in name for n in names): return
    fn(); ts = []
    for _ in range(7):
        t = clock(); fn(); ts.append(clock() - t)
    ts.sort(); print(f'{name:48} {ts[0]*1e3:9.3f} ms  median {ts[3]*1e3:9.3f} ms', flush=True)
@torch.inference_mode()
def main():
    for dt, s in [(torch.float32, 'f32'), (torch.bfloat16, 'bf16')]:
        for c, side in [(320, 64), (640, 32), (1280, 16)]:
            for fmt, fs in [(torch.channels_last, 'nhwc'), (torch.contiguous_format, 'nchw')]:
                m = torch.nn.Conv2d(c, c, 3, padding=1).to(dt).to(memory_format=fmt)
                x = torch.randn(2, c, side, side).to(dt).to(memory_format=fmt)
                run(f'conv3x3 {c}ch {side}x{side} b2 {s} {fs}', lambda: m(x))
        l = torch.nn.Linear(320, 2560).to(dt); x = torch.randn(4096, 320).to(dt)
        run(f'gemm 4096x320x2560 {s}', lambda: l(x))
        def geglu():
            a, b = l(x).chunk(2, -1); return a * F.gelu(b)
        run(f'geglu 4096x320x2560 {s}', geglu)
        q = torch.randn(2, 4096, 320).to(dt); k = torch.randn(2, 8192, 320).to(dt)
        h = lambda t: t.view(t.shape[0], t.shape[1], 8, -1).transpose(1, 2)
        for n in (4096, 8192):
            kk = k[:, :n]
            run(f'attention b2 h8 4096x{n} d40 {s}', lambda: F.scaled_dot_product_attention(h(q), h(kk), h(kk)).transpose(1, 2).reshape(2, 4096, 320))
        q, k, v = (torch.randn(16, 4096, 320).to(dt) for _ in range(3))
        def whole():
            p = [t.transpose(0, 1).contiguous() for t in (q, k, v)]
            y = F.scaled_dot_product_attention(*[h(t) for t in p]).transpose(1, 2).reshape(4096, 16, 320)
            return y.transpose(0, 1).contiguous()
        p = [t.transpose(0, 1).contiguous() for t in (q, k, v)]
        run(f'temporal 16x4096x320 {s} with transposes', whole)
        run(f'temporal 16x4096x320 {s} attention alone', lambda: F.scaled_dot_product_attention(*[h(t) for t in p]))
        for fmt, fs in [(torch.channels_last, 'nhwc'), (torch.contiguous_format, 'nchw')]:
            x = torch.randn(2, 320, 64, 64).to(dt).to(memory_format=fmt); g = torch.nn.GroupNorm(32, 320).to(dt)
            run(f'group norm + silu 320ch 64x64 b2 {s} {fs}', lambda: F.silu(g(x), inplace=True))
        x = torch.randn(8192, 320).to(dt); g = torch.nn.LayerNorm(320).to(dt)
        run(f'layer norm 8192x320 {s}', lambda: g(x))
        for c, side in [(320, 32), (512, 64)]:
            m = torch.nn.Conv2d(c, c, 3, padding=1).to(dt).to(memory_format=torch.channels_last)
            x = torch.randn(1, c, side, side).to(dt).to(memory_format=torch.channels_last)
            run(f'upsample conv {c}ch {side}x{side} b1 {s}', lambda: m(F.interpolate(x, scale_factor=2.0)))
main()
