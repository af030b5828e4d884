//! Computes the Fréchet distance between two normal distributions (Dowson and Landau, 1982; Heusel et al., 2017, eq.
//! 6), which is the last step of FID and FVD:
//!
//! `d = |m1 - m2|² + Tr(C1 + C2 - 2 (C1 C2)^½)`
//!
//! | value | shape |
//! |---|---|
//! | features | `samples x D` |
//! | mean `m` | `[D]` |
//! | covariance `C`, over `samples - 1` | `[D, D]` |
//!
//! The trace of `(C1 C2)^½` equals the trace of `(C1^½ C2 C1^½)^½`. The matrix `C1^½ C2 C1^½` is symmetric and has the
//! same eigenvalues as `C1 C2`. No step fails if a covariance is singular, which it is whenever `samples <= D`. The
//! package pytorch-fid takes the root of the product `C1 C2` itself. If the root is not finite, pytorch-fid adds 1e-6
//! to both diagonals, but only under the root. Whether this happens depends on rounding in the installed SciPy.
//! [`frechet_distance_offset`] implements this branch; its result is slightly smaller than the exact value.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use crate::error::MetricError;

/// The value that pytorch-fid adds to the diagonals if the product of the covariances is singular.
pub const OFFSET: f64 = 1e-6;

/// Mean and covariance of features.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureMoments {
    mean: DVector<f64>,
    covariance: DMatrix<f64>,
    samples: usize,
}

impl FeatureMoments {
    /// Computes the moments from a list that contains the features of each sample.
    ///
    /// # Errors
    /// [`MetricError::TooFewSamples`], [`MetricError::UnevenFeatures`], [`MetricError::NonFinite`].
    pub fn from_features(features: &[Vec<f32>]) -> Result<Self, MetricError> {
        let samples = features.len();
        if samples < 2 {
            return Err(MetricError::TooFewSamples { found: samples });
        }
        let expected = features[0].len();
        for (sample, values) in features.iter().enumerate() {
            if values.len() != expected {
                return Err(MetricError::UnevenFeatures { sample, found: values.len(), expected });
            }
            if let Some(feature) = values.iter().position(|value| !value.is_finite()) {
                return Err(MetricError::NonFinite { sample, feature, found: values[feature].into() });
            }
        }
        let mut table = DMatrix::from_fn(samples, expected, |sample, feature| f64::from(features[sample][feature]));
        let mean = table.row_mean();
        table.row_iter_mut().for_each(|mut row| row -= &mean);
        let covariance = table.tr_mul(&table) / (samples - 1) as f64;
        Ok(Self { mean: mean.transpose(), covariance, samples })
    }

    /// Number of features of a sample.
    pub fn dimension(&self) -> usize {
        self.mean.len()
    }

    /// Number of samples. If there are no more samples than features, the covariance is singular and the distance
    /// depends on the number of samples. Compare only equal numbers.
    pub fn samples(&self) -> usize {
        self.samples
    }
}

/// The distance.
///
/// # Panics
/// When the numbers of features differ.
pub fn frechet_distance(a: &FeatureMoments, b: &FeatureMoments) -> f64 {
    distance(a, b, 0.0)
}

/// The distance with [`OFFSET`] on the diagonals under the root, as in pytorch-fid for a singular product.
///
/// # Panics
/// When the numbers of features differ.
pub fn frechet_distance_offset(a: &FeatureMoments, b: &FeatureMoments) -> f64 {
    distance(a, b, OFFSET)
}

fn distance(a: &FeatureMoments, b: &FeatureMoments, offset: f64) -> f64 {
    assert_eq!(a.dimension(), b.dimension(), "frechet: features of two sets");
    let between = (&a.mean - &b.mean).norm_squared();
    let raised = |moments: &FeatureMoments| {
        let dimension = moments.dimension();
        &moments.covariance + DMatrix::identity(dimension, dimension) * offset
    };
    between + a.covariance.trace() + b.covariance.trace() - 2.0 * root_trace(raised(a), &raised(b))
}

/// `Tr (A B)^½` of symmetric matrices without negative eigenvalues.
fn root_trace(a: DMatrix<f64>, b: &DMatrix<f64>) -> f64 {
    let root = symmetric_root(a);
    let mut between = &root * b * &root;
    // Rounding makes it slightly asymmetric.
    between = (&between + between.transpose()) * 0.5;
    // Eigenvalues below 0 come from rounding too.
    between.symmetric_eigenvalues().iter().map(|value| value.max(0.0).sqrt()).sum()
}

/// The symmetric square root of a symmetric matrix without negative eigenvalues.
fn symmetric_root(matrix: DMatrix<f64>) -> DMatrix<f64> {
    let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(matrix);
    let roots = DMatrix::from_diagonal(&eigenvalues.map(|value| value.max(0.0).sqrt()));
    &eigenvectors * roots * eigenvectors.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moments(features: &[&[f32]]) -> FeatureMoments {
        FeatureMoments::from_features(&features.iter().map(|values| values.to_vec()).collect::<Vec<_>>()).unwrap()
    }

    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} for {expected}");
    }

    #[test]
    fn one_feature_by_hand() {
        // Means 1 and 5, variances 2 and 8: (5 - 1)² + (√8 - √2)² = 16 + 2.
        let (a, b) = (moments(&[&[0.0], &[2.0]]), moments(&[&[3.0], &[7.0]]));
        near(frechet_distance(&a, &b), 18.0);
        near(frechet_distance(&b, &a), 18.0);
        near(frechet_distance(&a, &a), 0.0);
        assert_eq!((a.dimension(), a.samples()), (1, 2));
    }

    #[test]
    fn features_that_vary_alone_add_up() {
        // Independent features: variances 4 and 16 against 1 and 1 (over samples - 1 = 3: 4/3 times the mean square).
        let spread = |x: f32, y: f32| moments(&[&[x, y], &[x, -y], &[-x, y], &[-x, -y]]);
        let expected = 4.0 / 3.0 * ((2.0_f64 - 1.0).powi(2) + (4.0_f64 - 1.0).powi(2));
        near(frechet_distance(&spread(2.0, 4.0), &spread(1.0, 1.0)), expected);
    }

    #[test]
    fn a_dead_feature_has_a_distance_with_and_without_offset() {
        let (a, b) = (moments(&[&[0.0, 3.0], &[2.0, 3.0]]), moments(&[&[3.0, 3.0], &[7.0, 3.0]]));
        near(frechet_distance(&a, &b), 18.0);
        // Under the root: √((2 + e)(8 + e)) and √(e e).
        let e = OFFSET;
        near(frechet_distance_offset(&a, &b), 16.0 + 2.0 + 8.0 - 2.0 * (((2.0 + e) * (8.0 + e)).sqrt() + e));
        assert!(frechet_distance_offset(&a, &b) < frechet_distance(&a, &b));
    }

    #[test]
    fn a_turn_of_all_features_changes_nothing() {
        let turned = |features: &[[f32; 2]]| {
            let turn = |[x, y]: [f32; 2]| vec![0.6 * x - 0.8 * y, 0.8 * x + 0.6 * y];
            FeatureMoments::from_features(&features.iter().copied().map(turn).collect::<Vec<_>>()).unwrap()
        };
        let straight = |features: &[[f32; 2]]| {
            FeatureMoments::from_features(&features.iter().map(|values| values.to_vec()).collect::<Vec<_>>()).unwrap()
        };
        let (a, b) = ([[0.0, 1.0], [2.0, 5.0], [1.0, -3.0]], [[4.0, 1.0], [2.0, 2.0], [-1.0, 0.0]]);
        let difference = frechet_distance(&turned(&a), &turned(&b)) - frechet_distance(&straight(&a), &straight(&b));
        assert!(difference.abs() < 1e-5, "{difference}");
    }

    #[test]
    fn features_that_cannot_be_compared_are_refused() {
        let code = |features: &[&[f32]]| {
            let features: Vec<_> = features.iter().map(|values| values.to_vec()).collect();
            FeatureMoments::from_features(&features).unwrap_err().code()
        };
        assert_eq!(code(&[]), "metrics.too_few_samples");
        assert_eq!(code(&[&[1.0]]), "metrics.too_few_samples");
        assert_eq!(code(&[&[1.0], &[1.0, 2.0]]), "metrics.uneven_features");
        assert_eq!(code(&[&[1.0], &[f32::INFINITY]]), "metrics.non_finite");
    }
}
