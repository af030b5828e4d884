//! Implements weighted non-maximum suppression: overlapping detections are merged into one person, with the
//! score-weighted mean.

/// Detections that overlap by more than this (intersection over union) are the same person.
const SAME: f32 = 0.3;

/// One detection, in any unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// Score, 0..1.
    pub score: f32,
    /// Left, top, right, bottom.
    pub sides: [f32; 4],
    /// Middle of the hips, then the top of the circle around the whole body.
    pub points: [(f32, f32); 2],
}

impl Candidate {
    /// Intersection over union of the two boxes.
    pub fn overlap(&self, other: &Self) -> f32 {
        let ([a, b, c, d], [e, f, g, h]) = (self.sides, other.sides);
        let shared = (c.min(g) - a.max(e)).max(0.0) * (d.min(h) - b.max(f)).max(0.0);
        let all = (c - a).max(0.0) * (d - b).max(0.0) + (g - e).max(0.0) * (h - f).max(0.0) - shared;
        if all > 0.0 { shared / all } else { 0.0 }
    }
}

/// Merges the detections of the same person; best score first.
pub fn suppress(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(|one, other| other.score.total_cmp(&one.score));
    let mut kept = Vec::new();
    while let Some(best) = candidates.first().copied() {
        let (same, rest): (Vec<_>, Vec<_>) =
            candidates.iter().enumerate().partition(|(index, other)| *index == 0 || best.overlap(other) > SAME);
        let same: Vec<&Candidate> = same.into_iter().map(|(_, candidate)| candidate).collect();
        let rest = rest.into_iter().map(|(_, candidate)| *candidate).collect();
        let total: f32 = same.iter().map(|candidate| candidate.score).sum();
        let mean = |value: &dyn Fn(&Candidate) -> f32| {
            same.iter().map(|candidate| candidate.score * value(candidate)).sum::<f32>() / total
        };
        kept.push(Candidate {
            score: best.score,
            sides: std::array::from_fn(|side| mean(&|candidate| candidate.sides[side])),
            points: std::array::from_fn(|point| (mean(&|one| one.points[point].0), mean(&|one| one.points[point].1))),
        });
        candidates = rest;
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(score: f32, left: f32) -> Candidate {
        Candidate { score, sides: [left, 0.0, left + 10.0, 10.0], points: [(left + 5.0, 5.0), (left + 5.0, 0.0)] }
    }

    #[test]
    fn overlap_by_hand() {
        assert_eq!(candidate(1.0, 0.0).overlap(&candidate(1.0, 5.0)), 50.0 / 150.0);
        assert_eq!(candidate(1.0, 0.0).overlap(&candidate(1.0, 10.0)), 0.0);
        assert_eq!(candidate(1.0, 3.0).overlap(&candidate(1.0, 3.0)), 1.0);
    }

    #[test]
    fn neighbours_merge_by_score_and_others_stay() {
        let kept = suppress(vec![candidate(0.6, 2.0), candidate(0.9, 0.0), candidate(0.7, 50.0)]);
        assert_eq!(kept.len(), 2);
        assert_eq!(kept[0].score, 0.9);
        assert!((kept[0].sides[0] - 0.6 * 2.0 / 1.5).abs() < 1e-6, "{:?}", kept[0]);
        assert!((kept[0].points[0].0 - (5.0 + 0.8)).abs() < 1e-5);
        assert_eq!(kept[1], candidate(0.7, 50.0));
    }

    #[test]
    fn hostile_numbers_end() {
        let broken = Candidate { score: f32::NAN, sides: [f32::NAN; 4], points: [(f32::NAN, 0.0); 2] };
        assert_eq!(suppress(vec![broken; 3]).len(), 3);
        assert!(suppress(Vec::new()).is_empty());
    }
}
