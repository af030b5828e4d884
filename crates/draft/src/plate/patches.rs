//! For each pixel of a hole, finds the known patch that most resembles the patch around it (Barnes et al.,
//! "PatchMatch", 2009). Each round reads only the results of the previous round, so the order of pixels does not
//! matter.

use media::picture::Plane;
use rayon::prelude::*;

/// Half the side of a patch.
pub(super) const RADIUS: usize = 3;
/// Side of a patch.
const SIDE: usize = 2 * RADIUS + 1;

/// A picture at one scale: red, green, blue, and the confidence of the colour, 0..=1.
pub(super) struct Canvas {
    pub(super) colours: Plane<[f32; 4]>,
    /// Where complete patches of known pixels are, as indices of their centres.
    pub(super) is_source: Plane<bool>,
    /// The same as a list, for random draws.
    pub(super) sources: Vec<usize>,
}

/// A match: the index of the source's centre, and the mean squared difference.
#[derive(Debug, Clone, Copy)]
pub(super) struct Match {
    pub(super) source: usize,
    pub(super) cost: f32,
}

impl Canvas {
    /// Colours whose `hole` is to be filled.
    pub(super) fn new(colours: Plane<[f32; 4]>, hole: &Plane<bool>) -> Self {
        let (width, height) = colours.size();
        let mut is_source = Plane::filled(width, height, false);
        // Runs of known pixels, horizontally and then vertically.
        let mut runs = vec![0_usize; width];
        let mut sources = Vec::new();
        let mut wide = Plane::filled(width, height, false);
        for y in 0..height {
            let mut run = 0;
            for x in 0..width {
                run = if hole.get(x, y) { 0 } else { run + 1 };
                if run >= SIDE {
                    wide.set(x - RADIUS, y, true);
                }
            }
        }
        for y in 0..height {
            for (x, run) in runs.iter_mut().enumerate() {
                *run = if wide.get(x, y) { *run + 1 } else { 0 };
                if *run >= SIDE {
                    is_source.set(x, y - RADIUS, true);
                    sources.push((y - RADIUS) * width + x);
                }
            }
        }
        Self { colours, is_source, sources }
    }

    /// The mean squared difference between the patch around a pixel and a source, weighted by the confidence of the
    /// pixel's patch. Infinite as soon as it exceeds `limit`.
    pub(super) fn cost(&self, target: usize, source: usize, limit: f32) -> f32 {
        let (width, height) = self.colours.size();
        let (x, y) = (target % width, target / width);
        let cells = self.colours.cells();
        let (left, right) = (x.min(RADIUS), (width - 1 - x).min(RADIUS));
        let (top, bottom) = (y.min(RADIUS), (height - 1 - y).min(RADIUS));
        let (mut sum, mut weights) = (0.0, 0.0);
        let bound = limit * (SIDE * SIDE) as f32;
        for row in 0..=top + bottom {
            let here = target + row * width - top * width;
            let there = source + row * width - top * width;
            let a = &cells[here - left..=here + right];
            let b = &cells[there - left..=there + right];
            for (a, b) in a.iter().zip(b) {
                let (red, green, blue) = (a[0] - b[0], a[1] - b[1], a[2] - b[2]);
                sum += a[3] * (red * red + green * green + blue * blue);
                weights += a[3];
            }
            if sum > bound {
                return f32::INFINITY;
            }
        }
        sum / weights.max(1e-6)
    }

    /// One round: compares each match with those of neighbours 1 and `jump` pixels away, and with random sources.
    pub(super) fn improve(
        &self,
        targets: &[usize],
        field: &Plane<Option<Match>>,
        jump: usize,
        round: u64,
    ) -> Vec<Match> {
        let (width, height) = self.colours.size();
        targets
            .par_iter()
            .map(|&target| {
                let (x, y) = ((target % width) as isize, (target / width) as isize);
                let mut best = match field.cells()[target] {
                    Some(kept) => Match { cost: self.cost(target, kept.source, f32::INFINITY), ..kept },
                    None => Match { source: self.sources[0], cost: f32::INFINITY },
                };
                let consider = |source: usize, best: &mut Match| {
                    if source != best.source && self.is_source.cells()[source] {
                        let cost = self.cost(target, source, best.cost);
                        if cost < best.cost {
                            *best = Match { source, cost };
                        }
                    }
                };
                for step in [1, jump as isize] {
                    for (dx, dy) in [(-step, 0), (step, 0), (0, -step), (0, step)] {
                        let (u, v) = (x + dx, y + dy);
                        if u < 0 || v < 0 || u >= width as isize || v >= height as isize {
                            continue;
                        }
                        let Some(near) = field.cells()[v as usize * width + u as usize] else { continue };
                        let (sx, sy) = ((near.source % width) as isize - dx, (near.source / width) as isize - dy);
                        if sx >= 0 && sy >= 0 && sx < width as isize && sy < height as isize {
                            consider(sy as usize * width + sx as usize, &mut best);
                        }
                    }
                }
                let mut random = Random::new(target as u64, round);
                let mut reach = width.max(height) as isize;
                while reach >= 1 {
                    let middle = ((best.source % width) as isize, (best.source / width) as isize);
                    let u = (middle.0 + random.within(reach)).clamp(0, width as isize - 1);
                    let v = (middle.1 + random.within(reach)).clamp(0, height as isize - 1);
                    consider(v as usize * width + u as usize, &mut best);
                    reach /= 3;
                }
                if best.cost.is_infinite() {
                    best.source = self.sources[random.below(self.sources.len())];
                    best.cost = self.cost(target, best.source, f32::INFINITY);
                }
                best
            })
            .collect()
    }
}

/// A short random sequence that depends only on a pixel and a round.
struct Random(u64);

impl Random {
    fn new(target: u64, round: u64) -> Self {
        Self((target.wrapping_mul(0x9e37_79b9_7f4a_7c15)) ^ round.wrapping_mul(0xd1b5_4a32_d192_ed03))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    fn within(&mut self, reach: isize) -> isize {
        self.below(2 * reach as usize + 1) as isize - reach
    }
}
