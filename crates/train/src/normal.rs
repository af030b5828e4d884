//! Generates normally distributed numbers from the project's own random generator. These numbers are the same on every
//! backend.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// `count` numbers with mean 0 and variance 1 (Box-Muller transform).
pub(crate) fn normal_values(count: usize, random: &mut ChaCha8Rng) -> Vec<f32> {
    let mut values = Vec::with_capacity(count + 1);
    while values.len() < count {
        let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * random.random::<f64>()).sin_cos();
        values.extend([(radius * cos) as f32, (radius * sin) as f32]);
    }
    values.truncate(count);
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trainer::random_of_step;

    #[test]
    fn moments_are_those_of_the_normal_distribution() {
        let values = normal_values(100_001, &mut random_of_step(1, 2));
        assert_eq!(values.len(), 100_001);
        let mean = |power: i32| values.iter().map(|value| f64::from(*value).powi(power)).sum::<f64>() / 100_001.0;
        for (power, expected, tolerance) in [(1, 0.0, 0.02), (2, 1.0, 0.02), (3, 0.0, 0.06), (4, 3.0, 0.12)] {
            assert!((mean(power) - expected).abs() < tolerance, "moment {power}: {}", mean(power));
        }
    }
}
