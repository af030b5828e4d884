//! Resizes planes `[C, H, W]` bilinearly inside a network.

/// Which places of source and result coincide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Corners {
    /// The centres of the corner cells.
    Aligned,
    /// The outer corners of the corner cells.
    HalfPixel,
    /// The centres of the first cells, the outer corners of the last.
    Asymmetric,
}

/// A resizing of planes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlaneResize {
    pub(crate) channels: usize,
    /// Rows and columns.
    pub(crate) source: [usize; 2],
    pub(crate) result: [usize; 2],
    pub(crate) corners: Corners,
}

/// The two source cells of a result cell, and the share of the second.
#[derive(Debug, Clone, Copy)]
struct Tap {
    low: usize,
    high: usize,
    share: f32,
}

fn taps(source: usize, result: usize, corners: Corners) -> Vec<Tap> {
    let ratio = source as f32 / result as f32;
    let tap = |index: usize| {
        let index = index as f32;
        let place = match corners {
            Corners::Aligned if result == 1 => 0.0,
            Corners::Aligned => index * (source - 1) as f32 / (result - 1) as f32,
            Corners::HalfPixel => (index + 0.5) * ratio - 0.5,
            Corners::Asymmetric => index * ratio,
        };
        let place = place.clamp(0.0, (source - 1) as f32);
        let low = place as usize;
        Tap { low, high: (low + 1).min(source - 1), share: place - low as f32 }
    };
    (0..result).map(tap).collect()
}

impl PlaneResize {
    /// Resizes the planes of `input`.
    ///
    /// # Panics
    /// When a slice has another size, or the source has no cell.
    pub(crate) fn run(&self, input: &[f32], result: &mut [f32]) {
        let (source, cells) = (self.source.iter().product::<usize>(), self.result.iter().product::<usize>());
        assert_eq!([input.len(), result.len()], [self.channels * source, self.channels * cells], "{self:?}");
        assert!(source > 0 && cells > 0, "{self:?}");
        let [rows, columns] = [0, 1].map(|axis| taps(self.source[axis], self.result[axis], self.corners));
        let mut blended = vec![0.0; self.source[1]];
        for (from, to) in input.chunks_exact(source).zip(result.chunks_exact_mut(cells)) {
            for (row, target) in rows.iter().zip(to.chunks_exact_mut(self.result[1])) {
                let line = |index: usize| &from[index * self.source[1]..][..self.source[1]];
                for ((blended, low), high) in blended.iter_mut().zip(line(row.low)).zip(line(row.high)) {
                    *blended = low + row.share * (high - low);
                }
                for (cell, tap) in target.iter_mut().zip(&columns) {
                    let (low, high) = (blended[tap.low], blended[tap.high]);
                    *cell = low + tap.share * (high - low);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(corners: Corners, expected: &[f32]) {
        let resize = PlaneResize { channels: 1, source: [1, 2], result: [1, expected.len()], corners };
        let mut found = vec![0.0; expected.len()];
        resize.run(&[0.0, 12.0], &mut found);
        for (found, expected) in found.iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5, "{corners:?}: {found}, not {expected}");
        }
    }

    #[test]
    fn two_cells_by_hand() {
        check(Corners::Aligned, &[0.0, 4.0, 8.0, 12.0]);
        check(Corners::HalfPixel, &[0.0, 3.0, 9.0, 12.0]);
        check(Corners::Asymmetric, &[0.0, 6.0, 12.0, 12.0]);
        check(Corners::Aligned, &[0.0]);
    }

    #[test]
    fn rows_blend_like_columns() {
        let resize = PlaneResize { channels: 2, source: [2, 1], result: [4, 1], corners: Corners::HalfPixel };
        let mut found = vec![0.0; 8];
        resize.run(&[0.0, 12.0, 4.0, 4.0], &mut found);
        assert_eq!(found, [0.0, 3.0, 9.0, 12.0, 4.0, 4.0, 4.0, 4.0]);
    }
}
