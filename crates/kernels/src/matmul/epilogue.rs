//! Applies the epilogue to a row of sums before it is stored: biases, activation, gate and residual.
//!
//! The result is `y = residual + activation(sum + bias[column] + row_bias[row] + group_bias[row / rows][column])`. With
//! a GEGLU matrix, `y = residual + value * gelu(gate)`, where value and gate are two such sums, each with its biases.

use crate::simd::element::{Element, load};
use crate::simd::math;
use crate::simd::vector::Simd;

/// The function applied after the biases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// The identity.
    #[default]
    None,
    /// `x * sigmoid(x)`.
    Silu,
}

/// One row of biases for every `rows` rows of the result. The time embedding, for example, has one for every picture.
#[derive(Debug, Clone, Copy)]
pub struct GroupBias<'a> {
    /// `[groups, columns]`.
    pub values: &'a [f32],
    /// Rows of the result per group.
    pub rows: usize,
}

/// The operations that a matmul or convolution applies to its sums before it stores them. The default does nothing.
#[derive(Debug, Clone, Copy)]
pub struct Epilogue<'a, T> {
    /// `[columns]`, added to every row.
    pub bias: Option<&'a [f32]>,
    /// `[rows]`, added to every column.
    pub row_bias: Option<&'a [f32]>,
    /// Added to every row of a group.
    pub group_bias: Option<GroupBias<'a>>,
    /// Applied after the biases.
    pub activation: Activation,
    /// Added last; in the shape of the result.
    pub residual: Option<&'a [T]>,
}

impl<T> Default for Epilogue<'_, T> {
    fn default() -> Self {
        Self { bias: None, row_bias: None, group_bias: None, activation: Activation::None, residual: None }
    }
}

impl<T: Element> Epilogue<'_, T> {
    /// Panics unless all lengths match a matmul of `rows` rows and `columns` columns whose result has `result`
    /// elements.
    pub(crate) fn check(&self, rows: usize, columns: usize, result: usize) {
        let fits = |len: Option<usize>, expected: usize, what: &str| {
            assert!(len.is_none_or(|len| len == expected), "{what} of {len:?} elements, expected {expected}");
        };
        fits(self.bias.map(<[f32]>::len), columns, "bias");
        fits(self.row_bias.map(<[f32]>::len), rows, "row bias");
        fits(self.residual.map(<[T]>::len), result, "residual");
        if let Some(GroupBias { values, rows: each }) = self.group_bias {
            assert!(
                each > 0 && values.len() == rows.div_ceil(each) * columns,
                "group bias of {} elements",
                values.len()
            );
        }
    }

    /// Loads `n <= LANES` sums from `column` on and adds their biases.
    ///
    /// # Safety
    /// The CPU supports `S`. `row` and `column..column + n` lie in the shape given to `check`. `sums` has `LANES`
    /// elements.
    #[inline(always)]
    unsafe fn biased<S: Simd>(&self, sums: *const f32, row: usize, column: usize, columns: usize, n: usize) -> S::F {
        // SAFETY: the caller upholds the contract; `check` has compared the lengths.
        unsafe {
            let mut x = S::load(sums);
            if let Some(bias) = self.bias {
                x = S::add(x, load::<S, f32>(bias.as_ptr().add(column), n));
            }
            if let Some(bias) = self.row_bias {
                x = S::add(x, S::splat(*bias.get_unchecked(row)));
            }
            if let Some(GroupBias { values, rows }) = self.group_bias {
                x = S::add(x, load::<S, f32>(values.as_ptr().add(row / rows * columns + column), n));
            }
            x
        }
    }

    /// Finishes a row of one panel of two vectors: writes `sums` to `result[at..]`, from `column` on.
    ///
    /// # Safety
    /// The CPU supports `S`. `row` and `column` lie in the shape given to `check`. `sums` has `2 * LANES` elements.
    /// `result.add(at)` is writable, and the residual readable, for the row's columns.
    #[inline(always)]
    pub(crate) unsafe fn finish<S: Simd>(&self, place: Place<T>, sums: *const f32) {
        let Place { row, column, columns, gated, result, at } = place;
        let lanes = S::LANES;
        debug_assert!(column < if gated { columns / 2 } else { columns }, "column {column} of {columns}");
        debug_assert!(self.residual.is_none_or(|residual| at + column < residual.len()), "residual ends before {at}");
        // SAFETY: the caller upholds the contract; a full vector is loaded or stored only where all its columns exist.
        unsafe {
            if gated {
                let n = lanes.min(columns / 2 - column);
                let value = self.biased::<S>(sums, row, column, columns, n);
                let gate = self.biased::<S>(sums.add(lanes), row, columns / 2 + column, columns, n);
                self.store::<S>(S::mul(value, math::gelu::<S, T>(gate)), result, at + column, n);
                return;
            }
            for v in 0..2 {
                let from = column + v * lanes;
                if from < columns {
                    let n = lanes.min(columns - from);
                    let mut x = self.biased::<S>(sums.add(v * lanes), row, from, columns, n);
                    if self.activation == Activation::Silu {
                        x = math::silu::<S, T>(x);
                    }
                    self.store::<S>(x, result, at + from, n);
                }
            }
        }
    }

    /// [`finish`](Self::finish) for all rows of a tile. Values that are the same for all rows are loaded once.
    ///
    /// # Safety
    /// As for `finish`, for each row; `sums` has `2 * LANES` elements per row.
    #[inline(always)]
    pub(crate) unsafe fn finish_tile<S: Simd>(&self, tile: TilePlace<'_, T>, sums: *const f32) {
        let TilePlace { row: first, starts, column, columns, gated, result } = tile;
        let lanes = S::LANES;
        let second = if gated { columns / 2 + column } else { column + lanes };
        // SAFETY: the caller upholds the contract; both vectors of a panel have all their columns unless the panel is
        // the last.
        unsafe {
            if (if gated { column + lanes > columns / 2 } else { column + 2 * lanes > columns })
                || self.row_bias.is_some()
            {
                for (r, at) in starts.iter().enumerate() {
                    let place = Place { row: first + r, column, columns, gated, result, at: *at };
                    self.finish::<S>(place, sums.add(r * 2 * lanes));
                }
                return;
            }
            let from = |values: &[f32]| [S::load(values.as_ptr().add(column)), S::load(values.as_ptr().add(second))];
            let bias = self.bias.map_or([S::splat(0.0); 2], from);
            let mut biases = bias;
            // The row at which the next group begins.
            let mut next = if self.group_bias.is_some() { first } else { usize::MAX };
            for (r, at) in starts.iter().enumerate() {
                if let Some(GroupBias { values, rows }) = self.group_bias
                    && first + r >= next
                {
                    let group = (first + r) / rows;
                    let more = from(&values[group * columns..(group + 1) * columns]);
                    biases = [S::add(bias[0], more[0]), S::add(bias[1], more[1])];
                    next = (group + 1) * rows;
                }
                let sums = sums.add(r * 2 * lanes);
                let mut x = [S::add(S::load(sums), biases[0]), S::add(S::load(sums.add(lanes)), biases[1])];
                let at = at + column;
                if gated {
                    self.store::<S>(S::mul(x[0], math::gelu::<S, T>(x[1])), result, at, lanes);
                    continue;
                }
                if self.activation == Activation::Silu {
                    x = [math::silu::<S, T>(x[0]), math::silu::<S, T>(x[1])];
                }
                if let Some(residual) = self.residual {
                    let p = residual.as_ptr().add(at);
                    x = [S::add(x[0], T::load::<S>(p)), S::add(x[1], T::load::<S>(p.add(lanes)))];
                }
                T::store_two::<S>(result.add(at), x[0], x[1]);
            }
        }
    }

    /// # Safety
    /// As for `finish`, for `n` elements at `at`.
    #[inline(always)]
    unsafe fn store<S: Simd>(&self, x: S::F, result: *mut T, at: usize, n: usize) {
        // SAFETY: the caller upholds the contract.
        unsafe {
            let x = match self.residual {
                Some(residual) => S::add(x, load::<S, T>(residual.as_ptr().add(at), n)),
                None => x,
            };
            if n == S::LANES { T::store::<S>(result.add(at), x) } else { T::store_some::<S>(result.add(at), x, n) }
        }
    }
}

/// Where a row of sums goes in the result.
#[derive(Clone, Copy)]
pub(crate) struct Place<T> {
    /// Row of the matmul.
    pub(crate) row: usize,
    /// First column of the panel in the result.
    pub(crate) column: usize,
    /// Columns of the matmul. For a gated one, values and gates together.
    pub(crate) columns: usize,
    pub(crate) gated: bool,
    pub(crate) result: *mut T,
    /// Where the row starts in `result` and in the residual.
    pub(crate) at: usize,
}

/// Where the rows of a tile go in the result.
#[derive(Clone, Copy)]
pub(crate) struct TilePlace<'a, T> {
    /// First row of the matmul.
    pub(crate) row: usize,
    /// Where each row starts in the result and in the residual.
    pub(crate) starts: &'a [usize],
    /// As in [`Place`].
    pub(crate) column: usize,
    pub(crate) columns: usize,
    pub(crate) gated: bool,
    pub(crate) result: *mut T,
}
