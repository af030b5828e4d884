//! Maps the exposure of one frame to that of another with a gain and an offset for each channel.

/// `value * gain + offset` for each channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Brightness {
    gain: [f32; 3],
    offset: [f32; 3],
}

/// With fewer shared pixels than this, the result would be unreliable.
const LEAST_PAIRS: usize = 30;
/// If every change is smaller than this, in levels, it is noise.
const LEAST_CHANGE: f32 = 0.4;

impl Brightness {
    /// Leaves colours unchanged.
    pub(super) const SAME: Self = Self { gain: [1.0; 3], offset: [0.0; 3] };

    /// The robust map from the second colour of each pair to the first.
    pub(super) fn fit(pairs: &[([f32; 3], [f32; 3])]) -> Self {
        if pairs.len() < LEAST_PAIRS {
            return Self::SAME;
        }
        let mut found = Self::SAME;
        for channel in 0..3 {
            (found.gain[channel], found.offset[channel]) = fit_channel(pairs, channel);
        }
        let change =
            |value: f32| (0..3).map(|i| (value * (found.gain[i] - 1.0) + found.offset[i]).abs()).fold(0.0, f32::max);
        if [20.0, 128.0, 235.0].map(change).into_iter().fold(0.0, f32::max) < LEAST_CHANGE { Self::SAME } else { found }
    }

    /// The colour under the other exposure.
    pub(super) fn apply(&self, colour: [f32; 3]) -> [f32; 3] {
        std::array::from_fn(|channel| colour[channel] * self.gain[channel] + self.offset[channel])
    }
}

/// Reweighted least squares of a line. Where the colours hardly vary, the line is held near slope 1.
fn fit_channel(pairs: &[([f32; 3], [f32; 3])], channel: usize) -> (f32, f32) {
    let mut differences: Vec<f32> = pairs.iter().map(|(to, from)| to[channel] - from[channel]).collect();
    differences.sort_by(f32::total_cmp);
    let (mut gain, mut offset) = (1.0, differences[differences.len() / 2]);
    for round in 0..6 {
        let width = if round == 0 { 24.0 } else { 12.0 };
        let (mut weights, mut sum, mut other) = (0.0_f32, 0.0_f32, 0.0_f32);
        let weight = |to: f32, from: f32, gain: f32, offset: f32| {
            1.0 / (1.0 + ((to - gain * from - offset) / width).powi(2)).powi(2)
        };
        for (to, from) in pairs {
            let share = weight(to[channel], from[channel], gain, offset);
            weights += share;
            sum += share * from[channel];
            other += share * to[channel];
        }
        let (middle, target) = (sum / weights, other / weights);
        let (mut both, mut own) = (0.0_f32, 0.0_f32);
        for (to, from) in pairs {
            let share = weight(to[channel], from[channel], gain, offset);
            both += share * (from[channel] - middle) * (to[channel] - target);
            own += share * (from[channel] - middle).powi(2);
        }
        let hold = 60.0 * weights;
        gain = ((both + hold) / (own + hold)).clamp(0.7, 1.4);
        offset = target - gain * middle;
    }
    (gain, offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_colours_are_left_exactly_alone_and_outliers_do_not_count() {
        let shade = |index: usize| [(index * 7 % 200) as f32, (index * 3 % 180) as f32, 90.0 + (index % 9) as f32];
        let same: Vec<_> = (0..200).map(|index| (shade(index), shade(index))).collect();
        assert_eq!(Brightness::fit(&same), Brightness::SAME);
        let brighter: Vec<_> = (0..200)
            .map(|index| {
                let from = shade(index);
                let to = if index % 6 == 0 { [255.0; 3] } else { from.map(|value| 1.1 * value + 4.0) };
                (to, from)
            })
            .collect();
        let found = Brightness::fit(&brighter).apply([100.0, 100.0, 94.0]);
        assert!((found[0] - 114.0).abs() < 2.0 && (found[1] - 114.0).abs() < 2.0, "{found:?}");
    }
}
