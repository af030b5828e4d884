//! How the exposure of one frame becomes that of another: gain and offset a channel.

/// `value * gain + offset`, a channel each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Brightness {
    gain: [f32; 3],
    offset: [f32; 3],
}

/// Fewer shared pixels than this tell nothing.
const LEAST_PAIRS: usize = 30;
/// Pairs that differ from the middle difference by less than this always count, in levels.
const LEAST_LIMIT: f32 = 30.0;
/// Spreads below some times this do not change the gain, in levels.
const HOLD: f32 = 6.0;
/// A change smaller than this everywhere is noise, in levels.
const LEAST_CHANGE: f32 = 0.4;

impl Brightness {
    /// Leaves colours as they are.
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

/// The gain is the ratio of the spreads of both, not the slope of a line through the pairs, which falls when the frames are
/// badly aligned.
fn fit_channel(pairs: &[([f32; 3], [f32; 3])], channel: usize) -> (f32, f32) {
    let difference = |pair: &([f32; 3], [f32; 3])| pair.0[channel] - pair.1[channel];
    let middle = quantile(pairs.iter().map(difference).collect(), 0.5);
    let deviation = quantile(pairs.iter().map(|pair| (difference(pair) - middle).abs()).collect(), 0.5);
    let limit = (4.0 * deviation).max(LEAST_LIMIT);
    let alike: Vec<_> = pairs.iter().filter(|pair| (difference(pair) - middle).abs() <= limit).collect();
    let to = spread(alike.iter().map(|pair| pair.0[channel]).collect());
    let from = spread(alike.iter().map(|pair| pair.1[channel]).collect());
    let gain = ((to + HOLD) / (from + HOLD)).clamp(0.7, 1.4);
    // A gain that brings the pairs no nearer together is noise.
    let fitted = |gain: f32| {
        let rest = |pair: &&([f32; 3], [f32; 3])| pair.0[channel] - gain * pair.1[channel];
        let offset = quantile(alike.iter().map(|pair| rest(pair)).collect(), 0.5);
        (offset, alike.iter().map(|pair| (rest(pair) - offset).abs()).sum::<f32>())
    };
    let ((offset, miss), (plain_offset, plain_miss)) = (fitted(gain), fitted(1.0));
    if miss < 0.85 * plain_miss { (gain, offset) } else { (1.0, plain_offset) }
}

/// The range of the middle three fifths.
fn spread(values: Vec<f32>) -> f32 {
    quantile(values.clone(), 0.8) - quantile(values, 0.2)
}

/// The value below which this share of all lies.
fn quantile(mut values: Vec<f32>, share: f32) -> f32 {
    let place = ((values.len() - 1) as f32 * share) as usize;
    *values.select_nth_unstable_by(place, f32::total_cmp).1
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
