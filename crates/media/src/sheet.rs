//! Draws contact sheets: a grid of labelled pictures for looking at many results at once.

use crate::crop::paste;
use crate::font::{ADVANCE, LINE, draw_text};
use crate::picture::Picture;
use crate::resize::{Filter, fit_size, resize_picture};

const BACKGROUND: [u8; 3] = [24, 24, 28];
const INK: [u8; 3] = [230, 230, 230];
const GAP: usize = 4;

/// A grid under construction, filled row by row.
///
/// ```
/// use stuntdouble_media::{picture::Picture, sheet::Sheet};
/// let mut sheet = Sheet::new(2, 64, 48);
/// sheet.push(&Picture::filled(320, 240, [200, 0, 0]), "source");
/// sheet.push(&Picture::filled(320, 240, [0, 200, 0]), "result");
/// assert_eq!(sheet.render().width(), 2 * 64 + 3 * 4);
/// ```
#[derive(Debug, Clone)]
pub struct Sheet {
    columns: usize,
    cell: (usize, usize),
    title: String,
    cells: Vec<(Picture, String)>,
}

impl Sheet {
    /// A sheet with `columns` pictures in a row, each fitted into `cell_width` x `cell_height` pixels.
    ///
    /// # Panics
    /// When one of the three is 0.
    pub fn new(columns: usize, cell_width: usize, cell_height: usize) -> Self {
        assert!(columns > 0 && cell_width > 0 && cell_height > 0, "{columns} columns of {cell_width}x{cell_height}");
        Self { columns, cell: (cell_width, cell_height), title: String::new(), cells: Vec::new() }
    }

    /// Puts a line of text above the grid.
    pub fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Adds the next picture, scaled to fit its cell, with a label below it.
    pub fn push(&mut self, picture: &Picture, label: impl Into<String>) {
        let (width, height) = fit_size(picture.size(), self.cell);
        self.cells.push((resize_picture(picture, width, height, Filter::Bicubic), label.into()));
    }

    /// Leaves the next cell empty.
    pub fn skip(&mut self) {
        self.cells.push((Picture::filled(0, 0, BACKGROUND), String::new()));
    }

    /// Moves to the start of the next row, unless already there.
    pub fn end_row(&mut self) {
        while !self.cells.len().is_multiple_of(self.columns) {
            self.skip();
        }
    }

    /// Draws the sheet.
    pub fn render(&self) -> Picture {
        let (cell_width, cell_height) = self.cell;
        let (step_x, step_y) = (cell_width + GAP, cell_height + LINE + GAP);
        let top = if self.title.is_empty() { 0 } else { LINE + GAP };
        let rows = self.cells.len().div_ceil(self.columns);
        let mut sheet = Picture::filled(GAP + self.columns * step_x, top + GAP + rows * step_y, BACKGROUND);
        let title_room = (sheet.width() - GAP) / ADVANCE;
        draw_text(&mut sheet, GAP, GAP, &shortened(&self.title, title_room), INK, 1);
        for (place, (picture, label)) in self.cells.iter().enumerate() {
            let x = GAP + place % self.columns * step_x;
            let y = top + GAP + place / self.columns * step_y;
            let (inset_x, inset_y) = ((cell_width - picture.width()) / 2, (cell_height - picture.height()) / 2);
            paste(&mut sheet, picture, (x + inset_x) as i32, (y + inset_y) as i32);
            draw_text(&mut sheet, x, y + cell_height + 2, &shortened(label, cell_width / ADVANCE), INK, 1);
        }
        sheet
    }
}

/// The text if it fits, otherwise its start and two dots.
fn shortened(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    let start: String = text.chars().take(room.saturating_sub(2)).collect();
    (start + "..").chars().take(room).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_keep_their_shape_and_place() {
        let mut sheet = Sheet::new(2, 20, 10);
        sheet.push(&Picture::filled(40, 10, [255, 0, 0]), "");
        sheet.end_row();
        sheet.push(&Picture::filled(5, 5, [0, 255, 0]), "");
        let picture = sheet.render();
        assert_eq!(picture.size(), (GAP + 2 * 24, GAP + 2 * (10 + LINE + GAP)));
        // 40x10 fits as 20x5, in the middle rows; 5x5 grows to 10x10, in the middle columns of the next row.
        assert_eq!([picture.get(4, 7), picture.get(4, 5), picture.get(23, 10)], [[255, 0, 0], BACKGROUND, [255, 0, 0]]);
        let second = GAP + 10 + LINE + GAP;
        assert_eq!([picture.get(8, second), picture.get(9, second)], [BACKGROUND, [0, 255, 0]]);
    }

    #[test]
    fn long_labels_are_shortened() {
        assert_eq!(shortened("abcdef", 4), "ab..");
        assert_eq!(shortened("abcd", 4), "abcd");
        assert_eq!(shortened("abcd", 1), ".");
    }
}
