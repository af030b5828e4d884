//! Converts pixel patches to channels and back, and provides the output maps of a [`Retouch`].

use burn::tensor::module::avg_pool2d;
use burn::tensor::{Tensor, TensorData, backend::Backend};

use super::retouch::Retouch;
use crate::ops::{ModelBackend, in_order, swap_dims};

/// Cells per unit of the network's shift output.
const SHIFT_UNIT: f64 = 8.0;
/// Side, in cells of the output maps, of the squares over which light is averaged.
const LIGHT_CELLS: usize = 8;

/// `[M, C, H, W]` to `[M, C*P*P, H/P, W/P]`.
pub(super) fn patches_from_cells<B: Backend>(x: Tensor<B, 4>, patch: usize) -> Tensor<B, 4> {
    let [m, channels, height, width] = x.dims();
    let (rows, columns) = (height / patch, width / patch);
    let x: Tensor<B, 6> = x.reshape([m, channels, rows, patch, columns, patch]);
    x.permute([0, 1, 3, 5, 2, 4]).reshape([m, channels * patch * patch, rows, columns])
}

/// The inverse of [`patches_from_cells`].
fn cells_from_patches<B: Backend>(x: Tensor<B, 4>, patch: usize) -> Tensor<B, 4> {
    let [m, channels, rows, columns] = x.dims();
    let channels = channels / (patch * patch);
    let x: Tensor<B, 6> = x.reshape([m, channels, patch, patch, rows, columns]);
    x.permute([0, 1, 4, 2, 5, 3]).reshape([m, channels, rows * patch, columns * patch])
}

/// The output of the last convolution, `[M, 5 + 5*P*P, H/P, W/P]`: shift, light, then cut, erasure and paint as
/// patches.
pub(super) struct RetouchMaps<B: Backend> {
    pub(super) maps: Tensor<B, 4>,
    pub(super) patch: usize,
}

impl<B: ModelBackend> RetouchMaps<B> {
    /// Number of output channels. Shift and light are smooth and need one value per patch; edges and colours need one
    /// per cell.
    pub(super) fn channels(patch: usize) -> usize {
        2 + 3 + 5 * patch * patch
    }

    /// The retouch of frames that may be changed according to `editable`, `[M, 1, H, W]`.
    pub(super) fn retouch(self, editable: Tensor<B, 4>) -> Retouch<B> {
        let Self { maps, patch } = self;
        let [_, _, rows, columns] = maps.dims();
        let part = |first: usize, count: usize| maps.clone().narrow(1, first, count);
        let size = [rows * patch, columns * patch];
        let fine = cells_from_patches(part(5, 5 * patch * patch), patch);
        let pooled = LIGHT_CELLS.min(rows).min(columns);
        let light = avg_pool2d(part(2, 3), [pooled; 2], [pooled; 2], [0, 0], true, false);
        Retouch {
            shift: enlarged(part(0, 2), size) * SHIFT_UNIT,
            cut: in_order(fine.clone().narrow(1, 0, 1)),
            erasure: in_order(fine.clone().narrow(1, 1, 1)),
            light: enlarged(light, size),
            paint: in_order(fine.narrow(1, 2, 3)),
            editable,
        }
    }
}

/// Bilinear upsampling with aligned outer edges, as two matmuls with constant matrices.
fn enlarged<B: ModelBackend>(x: Tensor<B, 4>, [height, width]: [usize; 2]) -> Tensor<B, 4> {
    let [m, channels, rows, columns] = x.dims();
    let device = x.device();
    let across: Tensor<B, 2> = Tensor::from_data(interpolation(columns, width), &device);
    let down: Tensor<B, 2> = Tensor::from_data(interpolation(rows, height), &device);
    // [M*C*h, w] x [w, W], then the same for the rows.
    let x = x.reshape([m * channels * rows, columns]).matmul(across.transpose());
    let x = swap_dims(x.reshape([m * channels, rows, width]), 1, 2).reshape([m * channels * width, rows]);
    let x = x.matmul(down.transpose()).reshape([m * channels, width, height]);
    swap_dims(x, 1, 2).reshape([m, channels, height, width])
}

/// Interpolation weights, `[to, from]`: the share of each source cell in each target cell.
fn interpolation(from: usize, to: usize) -> TensorData {
    let mut shares = vec![0.0_f32; to * from];
    for cell in 0..to {
        let place = ((cell as f32 + 0.5) * from as f32 / to as f32 - 0.5).clamp(0.0, from as f32 - 1.0);
        let first = (place as usize).min(from.saturating_sub(2));
        let share = place - first as f32;
        shares[cell * from + first] += 1.0 - share;
        if first + 1 < from {
            shares[cell * from + first + 1] += share;
        }
    }
    TensorData::new(shares, [to, from])
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    #[test]
    fn patches_come_back_as_cells() {
        let values: Vec<f32> = (0..2 * 3 * 4 * 8).map(|value| value as f32).collect();
        let x: Tensor<Flex, 4> = Tensor::from_data(TensorData::new(values, [2, 3, 4, 8]), &Default::default());
        for patch in [1, 2, 4] {
            let patches = patches_from_cells(x.clone(), patch);
            assert_eq!(patches.dims(), [2, 3 * patch * patch, 4 / patch, 8 / patch]);
            cells_from_patches(patches, patch).into_data().assert_eq(&x.to_data(), true);
        }
        // The second channel of a patch of two is the cell to the right.
        let patches = patches_from_cells(x, 2).narrow(0, 0, 1).narrow(1, 1, 1).into_data().into_vec::<f32>().unwrap();
        assert_eq!(patches, [1.0, 3.0, 5.0, 7.0, 17.0, 19.0, 21.0, 23.0]);
    }

    #[test]
    fn enlarging_is_linear_between_cells() {
        let x: Tensor<Flex, 4> =
            Tensor::from_data(TensorData::new(vec![0.0_f32, 4.0], [1, 1, 1, 2]), &Default::default());
        let found = enlarged(x, [2, 4]).into_data().into_vec::<f32>().unwrap();
        assert_eq!(found, [0.0, 1.0, 3.0, 4.0, 0.0, 1.0, 3.0, 4.0]);
    }
}
