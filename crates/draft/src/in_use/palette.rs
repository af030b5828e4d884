//! Stores colour distributions as a table over brightness and two channel differences.

/// Bins of brightness, of red minus green, and of blue minus green.
const STEPS: (usize, usize, usize) = (12, 32, 32);
/// Number of bins.
const CELLS: usize = STEPS.0 * STEPS.1 * STEPS.2;
/// The uniform distribution, used when nothing is known.
pub(super) const ANY: f32 = 1.0 / 1200.0;

/// Counts of colours.
#[derive(Debug, Clone)]
pub(super) struct Counts {
    cells: Vec<f32>,
    total: f32,
}

impl Default for Counts {
    fn default() -> Self {
        Self { cells: vec![0.0; CELLS], total: 0.0 }
    }
}

impl Counts {
    /// Counts a colour.
    pub(super) fn add(&mut self, colour: Cell, weight: f32) {
        self.cells[colour.0] += weight;
        self.total += weight;
    }

    /// The sum of all counts.
    pub(super) fn total(&self) -> f32 {
        self.total
    }

    /// The distribution, smoothed over similar colours. With few counts it is close to [`ANY`].
    pub(super) fn shares(&self, prior: f32) -> Shares {
        let mut cells = self.cells.clone();
        for (step, count) in [(STEPS.1 * STEPS.2, STEPS.0), (STEPS.2, STEPS.1), (1, STEPS.2)] {
            spread(&mut cells, step, count);
        }
        let scale = 1.0 / (self.total + prior);
        cells.iter_mut().for_each(|cell| *cell = scale * (*cell + prior * ANY));
        Shares(cells)
    }
}

/// The probability of each colour.
#[derive(Debug, Clone)]
pub(super) struct Shares(Vec<f32>);

impl Shares {
    /// The probability of one colour.
    pub(super) fn of(&self, colour: Cell) -> f32 {
        self.0[colour.0]
    }

    /// Removes the colours that are at least as frequent in `others`.
    pub(super) fn purified(&self, others: &Self) -> Self {
        let share = |(own, other): (&f32, &f32)| own * own * own / (own * own + other * other).max(1e-18);
        Self(self.0.iter().zip(&others.0).map(share).collect())
    }

    /// A mixture of several distributions.
    pub(super) fn mixture(parts: &[(&Self, f32)]) -> Self {
        Self((0..CELLS).map(|index| parts.iter().map(|(shares, weight)| weight * shares.0[index]).sum()).collect())
    }
}

/// The coordinates of a colour in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cell(usize);

impl Cell {
    /// The bin of a pixel.
    pub(super) fn of([red, green, blue]: [u8; 3]) -> Self {
        let [red, green, blue] = [red, green, blue].map(i32::from);
        let brightness = ((red + 2 * green + blue) / 4) as usize * STEPS.0 / 256;
        let step = |difference: i32, steps: usize| ((difference + 128).clamp(0, 255)) as usize * steps / 256;
        Self((brightness * STEPS.1 + step(red - green, STEPS.1)) * STEPS.2 + step(blue - green, STEPS.2))
    }
}

/// Smooths the counts along one axis with weights 1, 2, 1.
fn spread(cells: &mut [f32], step: usize, count: usize) {
    let mut line = vec![0.0; count];
    for start in (0..cells.len()).filter(|index| (index / step).is_multiple_of(count)) {
        line.iter_mut().enumerate().for_each(|(place, value)| *value = cells[start + place * step]);
        for place in 0..count {
            let (before, after) = (line[place.saturating_sub(1)], line[(place + 1).min(count - 1)]);
            cells[start + place * step] = 0.25 * before + 0.5 * line[place] + 0.25 * after;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_sum_to_about_one_and_like_colours_share() {
        let mut counts = Counts::default();
        (0..500).for_each(|_| counts.add(Cell::of([200, 100, 50]), 1.0));
        let shares = counts.shares(10.0);
        assert!(shares.of(Cell::of([200, 100, 50])) > 0.1);
        assert!(shares.of(Cell::of([208, 108, 58])) > 0.05 && shares.of(Cell::of([30, 30, 200])) < 0.001);
    }
}
