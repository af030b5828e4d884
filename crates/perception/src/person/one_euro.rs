//! Implements One-Euro smoothing (Casiez, Roussel, Vogel, CHI 2012), a low-pass filter whose cut-off frequency rises
//! with speed. Still points do not jitter, and fast points do not lag.
//!
//! With time step `dt`, `alpha(f) = 1 / (1 + 1 / (2 pi f dt))`. The speed `v` is low-pass filtered with the cut-off
//! `derivative_cutoff`, and the value with `f = minimum_cutoff + speed_coefficient * |v|`. Speeds are measured in
//! object sizes per second, so that near and far persons are smoothed equally.

use std::f32::consts::TAU;

use media::geometry::Pts;

use crate::pose::Keypoint;

/// The strength of the smoothing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Smoothing {
    /// Cut-off of a still point, in hertz.
    pub minimum_cutoff: f32,
    /// Increase of the cut-off in hertz for a speed of one object size a second.
    pub speed_coefficient: f32,
    /// Cut-off of the speed itself, in hertz.
    pub derivative_cutoff: f32,
}

impl Default for Smoothing {
    /// The settings for body points.
    fn default() -> Self {
        Self { minimum_cutoff: 0.5, speed_coefficient: 80.0, derivative_cutoff: 2.0 }
    }
}

/// Frames that are closer in time than this count as this far apart.
const LEAST_STEP: f32 = 1e-3;

/// The state of one number.
#[derive(Debug, Clone, Copy, Default)]
pub struct OneEuro {
    last: Option<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    raw: f32,
    smooth: f32,
    speed: f32,
    at: Pts,
}

impl OneEuro {
    /// Takes the number measured at `at` and returns the smooth one. `size` is the object's size in the number's unit.
    pub fn smooth(&mut self, raw: f32, at: Pts, size: f32, smoothing: &Smoothing) -> f32 {
        let state = match self.last {
            None => State { raw, smooth: raw, speed: 0.0, at },
            Some(last) => {
                let step = ((at.0 - last.at.0) as f32 / 1e6).max(LEAST_STEP);
                let alpha = |cutoff: f32| 1.0 / (1.0 + 1.0 / (TAU * cutoff * step));
                let toward = |from: f32, to: f32, share: f32| from + share * (to - from);
                let speed = (raw - last.raw) / size.max(f32::MIN_POSITIVE) / step;
                let speed = toward(last.speed, speed, alpha(smoothing.derivative_cutoff));
                let cutoff = smoothing.minimum_cutoff + smoothing.speed_coefficient * speed.abs();
                State { raw, smooth: toward(last.smooth, raw, alpha(cutoff)), speed, at }
            }
        };
        self.last = Some(state);
        state.smooth
    }
}

/// The state of a list of points. Confidences pass unchanged.
#[derive(Debug, Clone, Default)]
pub struct PointSmoother {
    filters: Vec<[OneEuro; 3]>,
}

impl PointSmoother {
    /// Smooths points of an object of `size` frame pixels. A list of another length resets the state.
    pub fn smooth(&mut self, points: &mut [Keypoint], at: Pts, size: f32, smoothing: &Smoothing) {
        if self.filters.len() != points.len() {
            self.filters = vec![[OneEuro::default(); 3]; points.len()];
        }
        for (point, [x, y, z]) in points.iter_mut().zip(&mut self.filters) {
            point.x = x.smooth(point.x, at, size, smoothing);
            point.y = y.smooth(point.y, at, size, smoothing);
            point.z = z.smooth(point.z, at, size, smoothing);
        }
    }

    /// Resets the state. Call this when the object was lost.
    pub fn reset(&mut self) {
        self.filters.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: i64 = 40_000;

    fn run(values: &[f32], smoothing: &Smoothing) -> Vec<f32> {
        let mut filter = OneEuro::default();
        let smooth = values.iter().enumerate();
        smooth.map(|(index, value)| filter.smooth(*value, Pts(index as i64 * FRAME), 100.0, smoothing)).collect()
    }

    #[test]
    fn two_steps_by_hand() {
        // Cut-offs such that tau = dt, so alpha = 1/2 for the speed, and for a value at rest.
        let cutoff = 1.0 / (TAU * 0.04);
        let smoothing = Smoothing { minimum_cutoff: cutoff, speed_coefficient: 0.0, derivative_cutoff: cutoff };
        let smooth = run(&[0.0, 8.0, 8.0], &smoothing);
        for (found, expected) in smooth.iter().zip([0.0, 4.0, 6.0]) {
            assert!((found - expected).abs() < 1e-4, "{smooth:?}");
        }
        // Speed 8 / 100 sizes / 0.04 s = 2; low-passed 1. The cut-off doubles, and alpha = 2/3.
        let smoothing = Smoothing { speed_coefficient: cutoff, ..smoothing };
        assert!((run(&[0.0, 8.0], &smoothing)[1] - 16.0 / 3.0).abs() < 1e-4);
    }

    #[test]
    fn a_tremble_shrinks_and_a_leap_does_not_lag() {
        let smoothing = Smoothing::default();
        let tremble: Vec<f32> = (0..60).map(|index| if index % 2 == 0 { 0.1 } else { -0.1 }).collect();
        let smooth = run(&tremble, &smoothing);
        assert!(smooth[30..].iter().all(|value| value.abs() < 0.06), "{smooth:?}");
        let leap: Vec<f32> = (0..20).map(|index| if index < 10 { 0.0 } else { 50.0 }).collect();
        assert!(run(&leap, &smoothing)[11] > 48.0);
    }

    proptest! {
        #[test]
        fn a_still_point_stays_and_no_value_leaves_the_range_seen(
            values in proptest::collection::vec(-1e3..1e3_f32, 1..40),
        ) {
            let smoothing = Smoothing::default();
            let low = values.iter().copied().fold(f32::INFINITY, f32::min);
            let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for value in run(&values, &smoothing) {
                prop_assert!((low - 1e-2..=high + 1e-2).contains(&value));
            }
            let still = vec![values[0]; 9];
            prop_assert_eq!(run(&still, &smoothing), still);
        }
    }
}
