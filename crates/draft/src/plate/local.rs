//! Corrects the misalignment that a homography leaves: small shifts near the hole. The shifts are measured in windows
//! around the hole and interpolated into it. The module also measures how well the windows agree after the correction.

use media::picture::Plane;

use super::observation::Observation;
use super::view::{SEARCHED_LEVELS, off_level, on_level};
use crate::plate::alignment::homography::Homography;
use crate::plate::alignment::template::Template;
use crate::push_pull::Scattered;

/// Spacing of the grid of windows, in pixels.
pub(super) const SPACING: usize = 16;
/// Half the side of a window, in cells of its level.
const RADIUS: i32 = 5;
/// Lucas-Kanade steps on each scale.
const ROUNDS: usize = 4;
/// Windows at most this far from the hole are used, in pixels.
const BAND: f32 = 44.0;
/// Stiffness of the windows: squared levels a squared pixel.
const STIFFNESS: f32 = 2.0;
/// Largest plausible shift, in pixels.
const LARGEST_SHIFT: f32 = 12.0;

/// A window of the frame whose hole is filled.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    cell: (usize, usize),
    place: (i32, i32),
    templates: Vec<Option<Template>>,
}

/// How a frame fits another one around the hole, on a grid with a spacing of [`SPACING`].
#[derive(Debug, Clone)]
pub(super) struct LocalFit {
    /// Shift to add to the mapped place, in pixels; none when there is nothing to add.
    shift: Option<Plane<[f32; 2]>>,
    /// Root mean square difference in levels.
    residual: Plane<[f32; 1]>,
    /// The median residual of all windows.
    pub(super) middle: f32,
}

/// The windows around the hole of a frame.
pub(super) fn probes(target: &Observation) -> Vec<Probe> {
    let (columns, rows) = grid(target.size());
    let mut probes = Vec::new();
    for row in 0..rows {
        for column in 0..columns {
            let place = (column * SPACING + SPACING / 2, row * SPACING + SPACING / 2);
            if place.0 >= target.size().0 || place.1 >= target.size().1 {
                continue;
            }
            let distance = target.distance.get(place.0, place.1);
            if distance <= 1.0 || distance > BAND {
                continue;
            }
            let place = (place.0 as i32, place.1 as i32);
            let templates: Vec<Option<Template>> = target
                .view
                .levels
                .iter()
                .take(SEARCHED_LEVELS)
                .enumerate()
                .map(|(index, level)| {
                    let on = |value: i32| on_level(value as f32, index).round() as i32;
                    Template::cut(level, (on(place.0), on(place.1)), RADIUS, STIFFNESS)
                })
                .collect();
            if templates[0].is_some() {
                probes.push(Probe { cell: (column, row), place, templates });
            }
        }
    }
    probes
}

fn grid((width, height): (usize, usize)) -> (usize, usize) {
    (width.div_ceil(SPACING), height.div_ceil(SPACING))
}

/// One measured window.
#[derive(Debug, Clone, Copy)]
struct Measured {
    cell: (usize, usize),
    shift: (f32, f32),
    residual: f32,
}

/// Fits `source` onto `target`. `map` maps places of the target to places of the source. None when no window is visible
/// in both.
pub(super) fn fit(target: &Observation, probes: &[Probe], source: &Observation, map: &Homography) -> Option<LocalFit> {
    let still = *map == Homography::IDENTITY;
    let mut shifts = vec![(0.0, 0.0); probes.len()];
    let mut measured: Vec<Measured> = Vec::new();
    for index in (0..SEARCHED_LEVELS.min(source.view.levels.len())).rev() {
        if still && index > 0 {
            continue;
        }
        measured.clear();
        for (probe, &shift) in probes.iter().zip(&shifts) {
            if let Some(found) = probe.measure(index, source, map, shift, if still { 0 } else { ROUNDS }) {
                measured.push(found);
            }
        }
        if !still && !measured.is_empty() {
            let smooth = smoothed(&measured, grid(target.size()));
            for (probe, shift) in probes.iter().zip(&mut shifts) {
                let [x, y] = smooth.get(probe.cell.0, probe.cell.1);
                *shift = (x, y);
            }
        }
    }
    if measured.is_empty() {
        return None;
    }
    let size = grid(target.size());
    let mut residuals: Vec<f32> = measured.iter().map(|found| found.residual).collect();
    residuals.sort_by(f32::total_cmp);
    let middle = residuals[residuals.len() / 2];
    let mut residual = Scattered::empty(size.0, size.1);
    for found in &measured {
        residual.put(found.cell.0, found.cell.1, [found.residual], 1.0);
    }
    let shift = (!still).then(|| smoothed(&measured, size));
    Some(LocalFit { shift, residual: residual.spread(), middle })
}

/// The shifts that their neighbourhood supports, spread over the grid.
fn smoothed(measured: &[Measured], (columns, rows): (usize, usize)) -> Plane<[f32; 2]> {
    let mut known: Plane<Option<(f32, f32)>> = Plane::filled(columns, rows, None);
    for found in measured {
        known.set(found.cell.0, found.cell.1, Some(found.shift));
    }
    let mut scattered = Scattered::empty(columns, rows);
    for found in measured {
        let (column, row) = found.cell;
        let (mut across, mut down) = (Vec::new(), Vec::new());
        for y in row.saturating_sub(1)..(row + 2).min(rows) {
            for x in column.saturating_sub(1)..(column + 2).min(columns) {
                if let Some(shift) = known.get(x, y) {
                    across.push(shift.0);
                    down.push(shift.1);
                }
            }
        }
        across.sort_by(f32::total_cmp);
        down.sort_by(f32::total_cmp);
        let weight = 1.0 / (1.0 + (found.residual / 12.0).powi(2));
        scattered.put(column, row, [across[across.len() / 2], down[down.len() / 2]], weight);
    }
    scattered.spread()
}

impl Probe {
    fn measure(
        &self,
        index: usize,
        source: &Observation,
        map: &Homography,
        shift: (f32, f32),
        rounds: usize,
    ) -> Option<Measured> {
        let template = self.templates.get(index)?.as_ref()?;
        // The template's centre is a cell of its level. The search starts where the map puts that cell.
        let middle = |value: i32| off_level(on_level(value as f32, index).round(), index);
        let from = (f64::from(middle(self.place.0)), f64::from(middle(self.place.1)));
        let to = map.apply(from);
        let start = (on_level(to.0 as f32 + shift.0, index), on_level(to.1 as f32 + shift.1, index));
        let found = template.search(&source.view.levels[index], start, map.derivative(from), rounds)?;
        let shift = (off_level(found.place.0, index) - to.0 as f32, off_level(found.place.1, index) - to.1 as f32);
        let shift = if rounds == 0 { (0.0, 0.0) } else { shift };
        let believed = shift.0.hypot(shift.1) <= LARGEST_SHIFT;
        believed.then_some(Measured { cell: self.cell, shift, residual: found.residual })
    }
}

impl LocalFit {
    /// Without measurements: no shift, and a medium residual.
    pub(super) fn unknown(size: (usize, usize)) -> Self {
        let (columns, rows) = grid(size);
        Self { shift: None, residual: Plane::filled(columns, rows, [8.0]), middle: 8.0 }
    }

    /// The shift at a pixel.
    pub(super) fn shift(&self, x: usize, y: usize) -> (f64, f64) {
        match &self.shift {
            None => (0.0, 0.0),
            Some(plane) => {
                let [dx, dy] = on_grid(plane, x, y);
                (f64::from(dx), f64::from(dy))
            }
        }
    }

    /// The residual at a pixel.
    pub(super) fn residual(&self, x: usize, y: usize) -> f32 {
        on_grid(&self.residual, x, y)[0]
    }
}

/// A grid value at a pixel, interpolated linearly.
fn on_grid<const C: usize>(plane: &Plane<[f32; C]>, x: usize, y: usize) -> [f32; C] {
    let (columns, rows) = plane.size();
    let place = |pixel: usize, end: usize| {
        let at = (pixel as f32 - (SPACING / 2) as f32) / SPACING as f32;
        let at = at.clamp(0.0, end as f32 - 1.0);
        let low = at as usize;
        (low, (low + 1).min(end - 1), at - low as f32)
    };
    let ((left, right, along), (top, bottom, down)) = (place(x, columns), place(y, rows));
    let cells = plane.cells();
    let (a, b) = (cells[top * columns + left], cells[top * columns + right]);
    let (c, d) = (cells[bottom * columns + left], cells[bottom * columns + right]);
    std::array::from_fn(|i| {
        let (high, low) = (a[i] + along * (b[i] - a[i]), c[i] + along * (d[i] - c[i]));
        high + down * (low - high)
    })
}
