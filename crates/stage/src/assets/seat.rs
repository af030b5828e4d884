//! Computes from a prop's shape where a person can sit on it.

use crate::linear::Vec3;
use crate::mesh::Mesh;
use crate::trig::Exact;

/// A flat part of a prop (longest side 1) on which a person can sit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Seat {
    /// Its middle, from the prop's centre.
    pub(crate) middle: Vec3,
    /// The direction in which a sitter looks, as a turn about the vertical: away from the back.
    pub(crate) facing: f32,
}

/// The largest flat, upward-facing part between one and four fifths of the height, and the side of the back.
pub(crate) fn find_seat(mesh: &Mesh, half: Vec3) -> Option<Seat> {
    const LEVELS: usize = 40;
    let mut levels = [(0.0f32, Vec3::ZERO); LEVELS];
    let tall = 2.0 * half.y;
    for triangle in &mesh.triangles {
        let [a, b, c] = triangle.map(|corner| mesh.positions[corner as usize]);
        let normal = (b - a).cross(c - a);
        if normal.y < 0.85 * normal.length() {
            continue;
        }
        let middle = (a + b + c) * (1.0 / 3.0);
        let share = (middle.y + half.y) / tall.max(1e-6);
        let level = ((share * LEVELS as f32) as usize).min(LEVELS - 1);
        levels[level].0 += normal.y;
        levels[level].1 += middle * normal.y;
    }
    // Neighbouring levels form one seat. The highest large one counts, because frames lie under cushions. If there is
    // nothing in the middle, the top itself is the seat.
    let area = |level: usize| levels[level].0 + levels[(level + 1).min(LEVELS - 1)].0;
    let enough = 0.35 * 8.0 * half.x * half.z;
    let best = |from: usize, to: usize| {
        let largest = (from..to).map(area).fold(enough, f32::max);
        (from..to).rev().find(|&level| area(level) >= 0.6 * largest && area(level) > enough)
    };
    let level = best(LEVELS / 5, LEVELS * 3 / 4).or_else(|| best(LEVELS * 3 / 4, LEVELS - 1))?;
    let (first, second) = (levels[level], levels[(level + 1).min(LEVELS - 1)]);
    let middle = (first.1 + second.1) * (1.0 / (first.0 + second.0));
    // Whatever is well above the seat is its back.
    let above = mesh.positions.iter().filter(|point| point.y > middle.y + 0.06 * tall);
    let (sum, count) = above.fold((Vec3::ZERO, 0.0f32), |(sum, count), point| (sum + *point, count + 1.0));
    let back = if count > 0.0 { sum * (1.0 / count) - middle } else { Vec3::ZERO };
    // A rim on all sides means that it is a crate and not a seat.
    if count > 0.0 && back.x.across(back.z) <= 0.06 {
        return None;
    }
    let facing = if back.x.across(back.z) > 0.06 { (-back.x).angle_with(-back.z) } else { 0.0 };
    Some(Seat { middle, facing })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets::furniture::furniture;

    #[test]
    fn a_chairs_seat_is_found_and_its_sitter_looks_away_from_the_back() {
        let chair = furniture(40);
        assert_eq!(chair.name(), "chair");
        let seat = chair.seat().unwrap();
        let height = (seat.middle.y + chair.half(1.0).y) / (2.0 * chair.half(1.0).y) * 0.94;
        assert!((height - 0.47).abs() < 0.03, "{height}");
        // Its back is at -Z.
        assert!(seat.facing.abs() < 0.2, "{}", seat.facing);
        let stool = furniture(20).seat().unwrap();
        assert!((stool.middle.y - 0.5).abs() < 0.05 && stool.facing == 0.0, "{stool:?}");
    }

    #[test]
    fn nobody_sits_between_the_walls_of_an_open_crate() {
        // The built-in crate is closed: its top is the seat.
        let closed = furniture(80);
        assert_eq!(closed.name(), "crate");
        assert!(closed.seat().unwrap().middle.y > 0.4);
        let mut open = Mesh::default();
        let material = closed.mesh().materials[0].clone();
        let mut block = |low: [f32; 3], high: [f32; 3]| {
            open.append(&Mesh::cuboid(low.into(), high.into(), material.clone()));
        };
        block([-0.5, -0.3, -0.5], [0.5, 0.15, 0.5]);
        for side in [-0.5, 0.45] {
            block([side, -0.3, -0.5], [side + 0.05, 0.3, 0.5]);
            block([-0.5, -0.3, side], [0.5, 0.3, side + 0.05]);
        }
        assert_eq!(find_seat(&open, Vec3::new(0.5, 0.3, 0.5)), None);
    }
}
