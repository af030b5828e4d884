//! Finds corners of a frame, and their positions in another frame.

use rayon::prelude::*;

use crate::plate::alignment::homography::{Homography, Pair};
use crate::plate::alignment::template::Template;
use crate::plate::view::{Level, View, off_level, on_level};

/// Size of the grid cells in pixels. Each cell gives at most one corner.
const CELL: usize = 16;
/// Largest number of corners.
const MOST: usize = 360;
/// Half the side of the window that is tracked.
const RADIUS: i32 = 4;
/// Smallest texture of a corner, in squared levels a squared pixel.
const LEAST_TEXTURE: f32 = 3.0;
/// Number of scales at which corners are tracked.
const LEVELS: usize = 4;
/// Lucas-Kanade steps on each scale.
const ROUNDS: usize = 8;
/// Largest difference between a corner and its match, in levels.
const LARGEST_RESIDUAL: f32 = 25.0;

/// Corners of one frame.
#[derive(Debug, Clone)]
pub(in crate::plate) struct Features {
    corners: Vec<Corner>,
}

#[derive(Debug, Clone)]
struct Corner {
    place: (i32, i32),
    /// One for each scale, finest first.
    templates: Vec<Option<Template>>,
}

impl Features {
    /// Picks the best corner of each cell, then the best of all.
    pub(in crate::plate) fn of(view: &View) -> Self {
        let level = &view.levels[0];
        let (width, height) = level.grey.size();
        let cells: Vec<(usize, usize)> = (0..height.div_ceil(CELL))
            .flat_map(|row| (0..width.div_ceil(CELL)).map(move |column| (column, row)))
            .collect();
        let mut best: Vec<(f32, (i32, i32))> =
            cells.into_par_iter().filter_map(|(column, row)| best_corner(level, column * CELL, row * CELL)).collect();
        best.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        best.truncate(MOST);
        let corners = best
            .into_par_iter()
            .map(|(_, place)| {
                let templates = view.levels.iter().take(LEVELS).enumerate().map(|(index, level)| {
                    let on = |value: i32| on_level(value as f32, index).round() as i32;
                    Template::cut(level, (on(place.0), on(place.1)), RADIUS, 0.1)
                });
                Corner { place, templates: templates.collect() }
            })
            .collect();
        Self { corners }
    }

    /// The number of corners.
    pub(in crate::plate) fn len(&self) -> usize {
        self.corners.len()
    }

    /// Finds the corners in another frame. The search starts at the places given by `guess`.
    pub(in crate::plate) fn track(&self, view: &View, guess: &Homography) -> Vec<Pair> {
        self.corners.par_iter().filter_map(|corner| corner.track(view, guess)).collect()
    }
}

impl Corner {
    fn track(&self, view: &View, guess: &Homography) -> Option<Pair> {
        let from = (f64::from(self.place.0), f64::from(self.place.1));
        let turn = guess.derivative(from);
        let to = guess.apply(from);
        let mut shift = ((to.0 - from.0) as f32, (to.1 - from.1) as f32);
        let mut residual = f32::INFINITY;
        let mut certain = false;
        for (index, template) in self.templates.iter().enumerate().rev() {
            let (Some(template), Some(level)) = (template, view.levels.get(index)) else { continue };
            let scale = (1 << index) as f32;
            let middle = |value: i32| on_level(value as f32, index).round();
            let (x, y) = (middle(self.place.0), middle(self.place.1));
            let Some(found) = template.search(level, (x + shift.0 / scale, y + shift.1 / scale), turn, ROUNDS) else {
                continue;
            };
            shift = (
                off_level(found.place.0, index) - off_level(x, index),
                off_level(found.place.1, index) - off_level(y, index),
            );
            residual = found.residual;
            certain = index == 0;
        }
        let good = certain && residual < LARGEST_RESIDUAL;
        let to = (from.0 + f64::from(shift.0), from.1 + f64::from(shift.1));
        good.then_some(Pair { from, to, weight: 1.0 })
    }
}

/// The window with the most texture in a cell, by Shi and Tomasi's measure on 5x5 pixels.
fn best_corner(level: &Level, left: usize, top: usize) -> Option<(f32, (i32, i32))> {
    let (width, height) = level.grey.size();
    let margin = RADIUS as usize + 2;
    let mut best: Option<(f32, (i32, i32))> = None;
    for y in (top.max(margin)..(top + CELL).min(height.saturating_sub(margin))).step_by(2) {
        for x in (left.max(margin)..(left + CELL).min(width.saturating_sub(margin))).step_by(2) {
            let texture = texture(level, x, y);
            if texture > LEAST_TEXTURE && best.is_none_or(|(most, _)| texture > most) {
                best = Some((texture, (x as i32, y as i32)));
            }
        }
    }
    best
}

fn texture(level: &Level, x: usize, y: usize) -> f32 {
    let width = level.grey.width();
    let (grey, visible) = (level.grey.cells(), level.visible.cells());
    let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
    for row in y - 2..=y + 2 {
        for index in row * width + x - 2..=row * width + x + 2 {
            if visible[index] < 1.0 || visible[index - 2] < 1.0 || visible[index + 2] < 1.0 {
                return 0.0;
            }
            let along = (grey[index + 1] - grey[index - 1]) / 2.0;
            let down = (grey[index + width] - grey[index - width]) / 2.0;
            xx += along * along;
            xy += along * down;
            yy += down * down;
        }
    }
    ((xx + yy) / 2.0 - (((xx - yy) / 2.0).powi(2) + xy * xy).sqrt()) / 25.0
}
