//! Detects scene cuts. After a cut, the state of all trackers is no longer valid.

use media::picture::Picture;

/// Number of cells along each side of the small picture that is compared.
const GRID: usize = 16;
/// Mean change of the cells, 0..255, from which on it is a cut. Fast pans stay below.
const CHANGE: f32 = 48.0;

/// The memory of the previous frame.
#[derive(Debug, Default)]
pub struct SceneCut {
    last: Option<Vec<f32>>,
}

impl SceneCut {
    /// True when this frame shows another scene than the previous one.
    pub fn happened(&mut self, picture: &Picture) -> bool {
        let cells = small(picture);
        let change = self.last.as_ref().map(|last| {
            cells.iter().zip(last).map(|(cell, before)| (cell - before).abs()).sum::<f32>() / cells.len() as f32
        });
        self.last = Some(cells);
        change.is_some_and(|change| change > CHANGE)
    }
}

/// Mean brightness of a grid of cells, from at most 8x8 places each.
fn small(picture: &Picture) -> Vec<f32> {
    const PLACES: usize = 8;
    let place = |cell: usize, step: usize, side: usize| (cell * PLACES + step) * side / (GRID * PLACES);
    let cell = |column: usize, row: usize| {
        let mut sum = 0;
        for step in 0..PLACES * PLACES {
            let x = place(column, step % PLACES, picture.width());
            let y = place(row, step / PLACES, picture.height());
            let [red, green, blue] = picture.get(x, y);
            sum += u32::from(red) + 2 * u32::from(green) + u32::from(blue);
        }
        sum as f32 / (4 * PLACES * PLACES) as f32
    };
    (0..GRID * GRID).map(|index| cell(index % GRID, index / GRID)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_seen_and_a_small_pan_is_not() {
        let mut cut = SceneCut::default();
        let stripes = |shift: usize| {
            Picture::from_fn(64, 40, move |x, _| [if ((x + shift) / 16).is_multiple_of(2) { 60 } else { 120 }; 3])
        };
        assert!(!cut.happened(&stripes(0)));
        assert!(!cut.happened(&stripes(4)));
        assert!(cut.happened(&Picture::filled(64, 40, [250; 3])));
        assert!(!cut.happened(&Picture::filled(64, 40, [250; 3])));
        assert!(cut.happened(&Picture::filled(1, 1, [0; 3])));
    }
}
