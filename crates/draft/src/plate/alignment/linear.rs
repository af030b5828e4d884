//! Solves small dense systems of linear equations.

/// Solves `matrix * unknowns = right` by elimination with row pivots; none when the matrix is singular.
pub(in crate::plate) fn solve<const N: usize>(mut matrix: [[f64; N]; N], mut right: [f64; N]) -> Option<[f64; N]> {
    for column in 0..N {
        let pivot = (column..N).max_by(|&a, &b| matrix[a][column].abs().total_cmp(&matrix[b][column].abs()))?;
        if matrix[pivot][column].abs() < 1e-12 {
            return None;
        }
        matrix.swap(column, pivot);
        right.swap(column, pivot);
        let (pivot_row, pivot_right) = (matrix[column], right[column]);
        for row in column + 1..N {
            let factor = matrix[row][column] / pivot_row[column];
            for (cell, pivot) in matrix[row].iter_mut().zip(pivot_row).skip(column) {
                *cell -= factor * pivot;
            }
            right[row] -= factor * pivot_right;
        }
    }
    let mut unknowns = [0.0; N];
    for row in (0..N).rev() {
        let known: f64 = (row + 1..N).map(|column| matrix[row][column] * unknowns[column]).sum();
        unknowns[row] = (right[row] - known) / matrix[row][row];
    }
    unknowns.iter().all(|value| value.is_finite()).then_some(unknowns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_equations_are_solved_and_singular_ones_refused() {
        // x + 2y = 5, 3x + 4y = 11.
        let found = solve([[1.0, 2.0], [3.0, 4.0]], [5.0, 11.0]).unwrap();
        assert!((found[0] - 1.0).abs() < 1e-12 && (found[1] - 2.0).abs() < 1e-12, "{found:?}");
        assert!(solve([[1.0, 2.0], [2.0, 4.0]], [1.0, 2.0]).is_none());
    }
}
