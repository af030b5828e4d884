//! Times each kernel at each level of the denoiser, through the ops that the networks call.

use burn::tensor::{DType, Tensor};
use model::ops::{self, Activation, Convolution, KeysValues, LinearEpilogue, Normalisation};
use model::preset::NetworksConfig;

use super::{KernelTime, Measured, random};
use crate::networks::Cpu;

pub(super) fn measure(config: &NetworksConfig, measured: &Measured) -> Vec<KernelTime> {
    let unet = &config.unet;
    let mut times = Times { measured, list: vec![] };
    for (level, c) in unet.block_out_channels.iter().copied().enumerate() {
        let (side, m) = ((measured.size / 8) >> level, measured.frames);
        let (cells, tokens, heads) = (m * side * side, side * side, unet.heads.at(level, c));
        // Maps are channels-last between layers, so layers get such a view.
        let map = |cells: Tensor<Cpu, 4>| cells.permute([0, 3, 1, 2]);

        let name = format!("conv 3x3 {c}ch {side}x{side} b{m}");
        let weight = random([c, c, 3, 3]);
        times.take(name, 18 * cells * c * c, random([m, side, side, c]), |x| {
            ops::conv2d(map(x), weight.clone(), Convolution::same(3, 1, None))
        });

        let name = format!("GEGLU {cells}x{c}x{}", 8 * c);
        let weight = random([8 * c, c]);
        times.take(name, 16 * cells * c * c, random([cells, c]), |x| ops::linear_geglu(x, weight.clone(), None));

        let name = format!("product {cells}x{c}x{c}");
        let weight = random([c, c]);
        times.take(name, 2 * cells * c * c, random([cells, c]), |x| {
            ops::linear(x, weight.clone(), LinearEpilogue { bias: None, shift: None, residual: None })
        });

        let name = format!("attention {tokens} to {} h{heads} b{m}", 2 * tokens);
        times.take(name, 8 * m * tokens * tokens * c, random([m, tokens, c]), |x| {
            let own = KeysValues { keys: x.clone(), values: x.clone() };
            let [keys, values] = [x.clone().narrow(0, 0, 1), x.clone().narrow(0, 0, 1)];
            ops::attention(x, &[&own, &KeysValues { keys, values }], heads)
        });

        if let Some(motion) = &unet.motion {
            let name = format!("temporal {m}x{tokens}x{c} h{}", motion.heads);
            times.take(name, 4 * m * m * tokens * c, random([1, m, tokens, c]), |x| {
                ops::temporal_attention(x.clone(), KeysValues { keys: x.clone(), values: x }, motion.heads)
            });
        }

        let name = format!("GroupNorm + SiLU {c}ch {side}x{side} b{m}");
        let (weight, bias) = (random([c]), random([c]));
        times.take(name, 0, random([m, side, side, c]), |x| {
            let (weight, bias, activation) = (weight.clone(), bias.clone(), Activation::Silu);
            let norm = Normalisation { groups: unet.norm_groups, weight, bias, epsilon: 1e-5, activation };
            ops::group_norm(map(x), norm)
        });
    }
    times.list
}

struct Times<'a> {
    measured: &'a Measured,
    list: Vec<KernelTime>,
}

impl Times<'_> {
    /// Times `work` on `x` in both precisions. The number of operations is none if memory is the limit.
    fn take<const R: usize, const Q: usize>(
        &mut self,
        name: String,
        operations: usize,
        x: Tensor<Cpu, R>,
        work: impl Fn(Tensor<Cpu, R>) -> Tensor<Cpu, Q>,
    ) {
        let milliseconds = [DType::F32, DType::BF16].map(|precision| {
            let x = x.clone().cast(precision);
            self.measured.first_and_median(|| drop(work(x.clone())))[1]
        });
        let gflops = (operations > 0).then(|| milliseconds.map(|time| operations as f64 / time / 1e6));
        let limits = self.measured.limits;
        let share = gflops.map(|[f32, bf16]| [f32 / limits[0] * 100.0, bf16 / limits[1] * 100.0]);
        self.list.push(KernelTime { name, milliseconds, gflops, share });
    }
}
