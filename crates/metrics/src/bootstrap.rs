//! Computes a bootstrap interval of a mean (Efron, 1979; the percentile form). The values are resampled many times with
//! replacement; each resample has as many values as the original. The interval contains the central share of the
//! resampled means.
//!
//! Pass one value per clip, not one per frame. The frames of a clip are similar, so resampling frames makes intervals
//! far too narrow. The same values and seed give the same interval on every machine.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Settings of an interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapConfig {
    /// Number of resamples.
    pub draws: usize,
    /// Share of the resampled means inside the interval, 0..1.
    pub share: f64,
    /// Seed of the resampling.
    pub seed: u64,
}

impl Default for BootstrapConfig {
    fn default() -> Self {
        Self { draws: 10_000, share: 0.95, seed: 0 }
    }
}

/// A mean with its interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The mean of the values themselves.
    pub mean: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The interval of the mean of `values`; `None` without values. The interval of a single value is the value itself,
/// which is meaningless.
///
/// # Panics
/// When the number of resamples is 0, or the share is not in 0..1.
pub fn mean_interval(values: &[f64], config: &BootstrapConfig) -> Option<Interval> {
    let BootstrapConfig { draws, share, seed } = *config;
    assert!(draws > 0 && share > 0.0 && share < 1.0, "bootstrap: {draws} draws, share {share}");
    if values.is_empty() {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let count = values.len();
    let mut drawn_mean = || {
        // 32 bits, so that the draws do not depend on the width of `usize`.
        let drawn = (0..count).map(|_| values[random.random_range(0..count as u32) as usize]);
        drawn.sum::<f64>() / count as f64
    };
    let mut means: Vec<f64> = (0..draws).map(|_| drawn_mean()).collect();
    means.sort_by(f64::total_cmp);
    let tail = (1.0 - share) / 2.0;
    let mean = values.iter().sum::<f64>() / count as f64;
    Some(Interval { mean, low: quantile(&means, tail), high: quantile(&means, 1.0 - tail) })
}

/// The quantile of sorted values, interpolated linearly.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + part * (sorted[above] - sorted[below])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        let check = |share, expected: f64| assert_eq!(quantile(&[1.0, 2.0, 4.0], share), expected);
        check(0.0, 1.0);
        check(0.25, 1.5);
        check(0.5, 2.0);
        check(0.75, 3.0);
        check(1.0, 4.0);
    }

    #[test]
    fn the_interval_is_that_of_the_normal_distribution() {
        // 0, 1, ..., 99: standard deviation √((100² - 1) / 12) = 28.866; of the mean 2.8866; 1.96 times that: 5.658.
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let config = BootstrapConfig::default();
        let found = mean_interval(&values, &config).unwrap();
        assert_eq!(found.mean, 49.5);
        assert!((found.low - (49.5 - 5.658)).abs() < 0.2 && (found.high - (49.5 + 5.658)).abs() < 0.2, "{found:?}");
        let narrow = mean_interval(&values, &BootstrapConfig { share: 0.5, ..config }).unwrap();
        assert!((narrow.high - narrow.low - 2.0 * 0.6745 * 2.8866).abs() < 0.2, "{narrow:?}");
    }

    #[test]
    fn seeds_decide() {
        let values = [1.0, 2.0, 5.0, 9.0, 12.0, 20.0];
        let config = BootstrapConfig { draws: 101, ..BootstrapConfig::default() };
        let found = mean_interval(&values, &config);
        assert_eq!(found, mean_interval(&values, &config));
        assert_ne!(found, mean_interval(&values, &BootstrapConfig { seed: 1, ..config }));
        assert_eq!(mean_interval(&[], &config), None);
        assert_eq!(mean_interval(&[3.0], &config), Some(Interval { mean: 3.0, low: 3.0, high: 3.0 }));
    }
}
