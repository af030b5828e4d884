//! Accumulates a run's loss values on the device. The sums are read back only when they are logged. Skipped steps are
//! counted, but not summed.

use std::collections::BTreeMap;

use burn::tensor::backend::Backend;
use burn::tensor::{Bool, Tensor};

/// Numbers since the last read.
pub(super) struct Sums<B: Backend> {
    named: BTreeMap<&'static str, Tensor<B, 1>>,
    skipped: Option<Tensor<B, 1>>,
    /// Not reset by a read.
    in_a_row: Option<Tensor<B, 1>>,
}

/// The result of a read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Means {
    /// Means over the completed steps; none if there was none.
    pub(super) named: BTreeMap<String, f64>,
    /// Number of skipped steps.
    pub(super) skipped: u64,
}

impl<B: Backend> Default for Sums<B> {
    fn default() -> Self {
        Self { named: BTreeMap::new(), skipped: None, in_a_row: None }
    }
}

impl<B: Backend> Sums<B> {
    /// Adds the numbers of a step, each `[1]`.
    pub(super) fn add(
        &mut self,
        numbers: impl IntoIterator<Item = (&'static str, Tensor<B, 1>)>,
        is_skipped: &Tensor<B, 1, Bool>,
    ) {
        for (name, number) in numbers {
            let number = number.mask_fill(is_skipped.clone(), 0.0);
            let sum = self.named.remove(name);
            self.named.insert(name, sum.map_or(number.clone(), |sum| sum + number));
        }
        let skipped = is_skipped.clone().float();
        let one_more = |count: Option<Tensor<B, 1>>| count.map_or(skipped.clone(), |count| count + skipped.clone());
        self.skipped = Some(one_more(self.skipped.take()));
        self.in_a_row = Some(one_more(self.in_a_row.take()) * skipped.clone());
    }

    /// Means of the numbers over this many steps.
    pub(super) fn read(&mut self, steps: u64) -> Means {
        let skipped = self.skipped.take().map_or(0, |count| read(count) as u64);
        let named = std::mem::take(&mut self.named).into_iter();
        let taken = steps.saturating_sub(skipped);
        let named = match taken {
            0 => BTreeMap::new(),
            taken => named.map(|(name, sum)| (name.to_owned(), read(sum) / taken as f64)).collect(),
        };
        Means { named, skipped }
    }

    /// How many of the last steps in a row were skipped.
    pub(super) fn skipped_in_a_row(&self) -> u32 {
        self.in_a_row.clone().map_or(0, |count| read(count) as u32)
    }
}

fn read<B: Backend>(value: Tensor<B, 1>) -> f64 {
    value.into_data().convert::<f64>().into_vec::<f64>().map_or(f64::NAN, |values| values[0])
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    fn value(value: f32) -> Tensor<Flex, 1> {
        Tensor::from_floats([value], &Default::default())
    }

    #[test]
    fn skipped_steps_are_counted_and_not_summed() {
        let mut sums = Sums::<Flex>::default();
        let add = |sums: &mut Sums<Flex>, number: f32| {
            let is_skipped = value(number).is_finite().bool_not();
            sums.add([("loss", value(number))], &is_skipped);
        };
        for number in [1.0, f32::NAN, 3.0, f32::INFINITY, f32::NAN] {
            add(&mut sums, number);
        }
        assert_eq!(sums.skipped_in_a_row(), 2);
        assert_eq!(sums.read(5), Means { named: BTreeMap::from([("loss".to_owned(), 2.0)]), skipped: 3 });
        add(&mut sums, f32::NAN);
        assert_eq!(sums.skipped_in_a_row(), 3);
        assert_eq!(sums.read(1), Means { named: BTreeMap::new(), skipped: 1 });
        add(&mut sums, 1.0);
        assert_eq!(sums.skipped_in_a_row(), 0);
    }
}
