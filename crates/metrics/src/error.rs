//! Defines the errors of metric inputs.

use model::weights::WeightError;
use thiserror::Error;

/// Why a metric cannot be computed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MetricError {
    /// A covariance was requested from fewer than two samples.
    #[error("the number of feature samples is {found}, expected at least 2")]
    TooFewSamples {
        /// Number of samples.
        found: usize,
    },
    /// A sample has another number of features than the first one.
    #[error("the number of features in sample {sample} is {found}, expected {expected}")]
    UnevenFeatures {
        /// The sample, from 0.
        sample: usize,
        /// Number of its features.
        found: usize,
        /// Number of features of the first sample.
        expected: usize,
    },
    /// A feature is NaN or infinite.
    #[error("feature {feature} of sample {sample} is {found}, expected a finite number")]
    NonFinite {
        /// The sample, from 0.
        sample: usize,
        /// The feature, from 0.
        feature: usize,
        /// Its value.
        found: f64,
    },
    /// The weights of a network cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightError),
}

impl MetricError {
    /// A stable name for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooFewSamples { .. } => "metrics.too_few_samples",
            Self::UnevenFeatures { .. } => "metrics.uneven_features",
            Self::NonFinite { .. } => "metrics.non_finite",
            Self::Weights(error) => error.code(),
        }
    }

    /// One line that says what to do.
    pub fn help(&self) -> &'static str {
        match self {
            Self::TooFewSamples { .. } => "provide more pictures, or clips of at least 16 frames",
            Self::UnevenFeatures { .. } => "compute all features with the same layer of the same network",
            Self::NonFinite { .. } => {
                "check the pictures and weights for damage, and compute the features in 32-bit precision"
            }
            Self::Weights(error) => error.help(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_what_was_found_and_what_to_do() {
        let check = |error: MetricError, code: &str, message: &str| {
            assert_eq!((error.code(), error.to_string().as_str()), (code, message));
            assert!(!error.help().is_empty() && !error.help().ends_with('.'), "{}", error.help());
        };
        check(
            MetricError::TooFewSamples { found: 1 },
            "metrics.too_few_samples",
            "the number of feature samples is 1, expected at least 2",
        );
        check(
            MetricError::UnevenFeatures { sample: 3, found: 4, expected: 5 },
            "metrics.uneven_features",
            "the number of features in sample 3 is 4, expected 5",
        );
        check(
            MetricError::NonFinite { sample: 1, feature: 2, found: f64::NAN },
            "metrics.non_finite",
            "feature 2 of sample 1 is NaN, expected a finite number",
        );
    }
}
