//! Counts how often colours occur in an object and around it.

use super::look::Colour;

/// Bins of brightness and of the two colour differences.
const BINS: [usize; 3] = [16, 14, 14];
/// The range of each.
const RANGES: [(f32, f32); 3] = [(0.0, 256.0), (-126.0, 126.0), (-126.0, 126.0)];
/// A colour that was never seen counts as if it had been seen this often, as a share of all.
const UNSEEN: f32 = 2e-4;

/// A smoothed histogram.
#[derive(Debug, Clone)]
pub(super) struct Palette {
    counts: Vec<f32>,
    total: f32,
}

impl Default for Palette {
    fn default() -> Self {
        Self { counts: vec![0.0; BINS.iter().product()], total: 0.0 }
    }
}

/// The bin of a colour along one axis and the weight of the next one.
fn place(colour: &Colour, axis: usize) -> (usize, f32) {
    let (least, most) = RANGES[axis];
    let last = (BINS[axis] - 1) as f32;
    let at = ((colour[axis] - least) / (most - least) * last).clamp(0.0, last - 1e-3);
    (at as usize, at.fract())
}

/// The eight bins around a colour with their weights.
fn corners(colour: &Colour) -> [(usize, f32); 8] {
    let places = [place(colour, 0), place(colour, 1), place(colour, 2)];
    std::array::from_fn(|corner| {
        let (mut index, mut weight) = (0, 1.0);
        for (axis, (bin, share)) in places.iter().enumerate() {
            let next = corner >> axis & 1;
            index = index * BINS[axis] + bin + next;
            weight *= if next == 1 { *share } else { 1.0 - share };
        }
        (index, weight)
    })
}

impl Palette {
    /// Counts a colour.
    pub(super) fn add(&mut self, colour: &Colour, weight: f32) {
        for (index, share) in corners(colour) {
            self.counts[index] += weight * share;
        }
        self.total += weight;
    }

    /// How much was counted.
    pub(super) fn total(&self) -> f32 {
        self.total
    }

    /// How likely the colour is, as a share of all that was counted.
    pub(super) fn share(&self, colour: &Colour) -> f32 {
        let count: f32 = corners(colour).iter().map(|&(index, weight)| weight * self.counts[index]).sum();
        count / self.total.max(1.0) + UNSEEN
    }

    /// This palette with the shares of another mixed in.
    pub(super) fn mixed(&self, other: &Self, share: f32) -> Self {
        if self.total <= 0.0 {
            return other.clone();
        }
        if other.total <= 0.0 {
            return self.clone();
        }
        let scale = share * self.total / other.total;
        let counts = self.counts.iter().zip(&other.counts).map(|(own, new)| (1.0 - share) * own + scale * new);
        Self { counts: counts.collect(), total: self.total }
    }

    /// Common share of two palettes: 1 where they are the same, 0 where no colour is in both.
    pub(super) fn overlap(&self, other: &Self) -> f32 {
        let (own, new) = (self.total.max(1.0), other.total.max(1.0));
        self.counts.iter().zip(&other.counts).map(|(one, two)| (one / own).min(two / new)).sum()
    }
}

/// Logarithm of the odds that a colour is the first palette's rather than the second's, within `bound` of 0.
pub(super) fn log_odds(one: &Palette, other: &Palette, colour: &Colour, bound: f32) -> f32 {
    (one.share(colour) / other.share(colour)).ln().clamp(-bound, bound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(colours: &[Colour]) -> Palette {
        let mut palette = Palette::default();
        colours.iter().for_each(|colour| palette.add(colour, 1.0));
        palette
    }

    #[test]
    fn colours_speak_for_the_palette_that_has_them() {
        let (red, blue) = ([90.0, 80.0, 20.0], [80.0, -40.0, -90.0]);
        let (one, other) = (of(&[red; 20]), of(&[blue; 20]));
        assert!(log_odds(&one, &other, &red, 2.0) == 2.0 && log_odds(&one, &other, &blue, 2.0) == -2.0);
        assert!((one.overlap(&one) - 1.0).abs() < 1e-4 && one.overlap(&other) < 1e-4);
        let both = one.mixed(&other, 0.5);
        assert!((both.overlap(&one) - 0.5).abs() < 1e-4 && (both.total() - 20.0).abs() < 1e-3);
    }

    proptest! {
        #[test]
        fn every_colour_is_counted_once(light in -300.0f32..500.0, red in -400.0f32..400.0, yellow in -400.0f32..400.0) {
            let palette = of(&[[light, red, yellow]]);
            prop_assert!((palette.counts.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
    }
}
