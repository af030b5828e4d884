//! Decides where props and people can stand: clear of the body's path, the camera and each other, inside the room, in
//! view, and without hiding too much of the person.

use crate::camera::Camera;
use crate::linear::{Quat, Vec3};
use crate::trig::Exact;

/// The place of something on the floor: a rotated box.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Footprint {
    /// Middle of the underside.
    pub(crate) place: Vec3,
    pub(crate) heading: f32,
    pub(crate) half: Vec3,
}

impl Footprint {
    /// A point in the box's own axes, relative to its centre.
    fn own(&self, point: Vec3) -> Vec3 {
        let offset = Quat::about(Vec3::UP, -self.heading).rotate(point - self.place);
        Vec3::new(offset.x, offset.y - self.half.y, offset.z)
    }

    /// Horizontal distance of a point from the box; 0 inside.
    pub(crate) fn distance(&self, point: Vec3) -> f32 {
        let own = self.own(point);
        (own.x.abs() - self.half.x).max(0.0).across((own.z.abs() - self.half.z).max(0.0))
    }

    /// True if the line from `from` to `to` passes through the box.
    pub(crate) fn blocks(&self, from: Vec3, to: Vec3) -> bool {
        let (from, to) = (self.own(from), self.own(to));
        let (mut enter, mut leave) = (0.0f32, 1.0f32);
        for (start, end, half) in
            [(from.x, to.x, self.half.x), (from.y, to.y, self.half.y), (from.z, to.z, self.half.z)]
        {
            let way = end - start;
            if way.abs() < 1e-9 {
                if start.abs() > half {
                    return false;
                }
                continue;
            }
            let (a, b) = ((-half - start) / way, (half - start) / way);
            enter = enter.max(a.min(b));
            leave = leave.min(a.max(b));
        }
        enter < leave
    }

    /// Half the sides of the axis-aligned box around it.
    pub(crate) fn reach(&self) -> (f32, f32) {
        let (sine, cosine) = (self.heading.sine().abs(), self.heading.cosine().abs());
        (cosine * self.half.x + sine * self.half.z, sine * self.half.x + cosine * self.half.z)
    }
}

/// What is already on the floor.
pub(crate) struct Floor<'a> {
    /// Body joints of everybody who acts, for each frame; eighteen for each body, nose first.
    pub(crate) bodies: Vec<Vec<Vec3>>,
    pub(crate) cameras: &'a [Camera],
    /// Lowest and highest corner of the room.
    pub(crate) room: Option<(Vec3, Vec3)>,
    pub(crate) taken: Vec<Footprint>,
    pub(crate) size: (usize, usize),
}

impl Floor<'_> {
    /// True if `box_` may stand where it is, `margin` metres away from every body. It may hide at most the share
    /// `hidden` of the joints, and no head for long.
    pub(crate) fn takes(&self, footprint: &Footprint, margin: f32, hidden: f32) -> bool {
        let top = footprint.place.y + 2.0 * footprint.half.y;
        let apart = |point: &Vec3| point.y > top + 0.15 || footprint.distance(*point) > margin;
        let clear_of_bodies = self.bodies.iter().flatten().all(apart);
        let clear_of_cameras = self.cameras.iter().all(|camera| footprint.distance(camera.eye) > 0.45);
        let clear_of_others = self.taken.iter().all(|other| {
            let radius = |footprint: &Footprint| footprint.half.x.across(footprint.half.z);
            let way = other.place - footprint.place;
            way.x.across(way.z) > 0.8 * (radius(other) + radius(footprint))
        });
        clear_of_bodies
            && clear_of_cameras
            && clear_of_others
            && self.in_room(footprint)
            && self.hides(footprint) <= hidden
    }

    fn in_room(&self, footprint: &Footprint) -> bool {
        let Some((low, high)) = self.room else { return true };
        let (x, z) = footprint.reach();
        let place = footprint.place;
        place.x - x >= low.x
            && place.x + x <= high.x
            && place.z - z >= low.z
            && place.z + z <= high.z
            && place.y + 2.0 * footprint.half.y <= high.y
    }

    /// The place shifted into the room, if possible.
    pub(crate) fn pushed_in(&self, mut footprint: Footprint) -> Footprint {
        if let Some((low, high)) = self.room {
            let (x, z) = footprint.reach();
            let inside = |value: f32, low: f32, high: f32| value.min(high).max(low);
            footprint.place.x = inside(footprint.place.x, low.x + x + 0.02, high.x - x - 0.02);
            footprint.place.z = inside(footprint.place.z, low.z + z + 0.02, high.z - z - 0.02);
        }
        footprint
    }

    /// The larger of the share of joints and twice the share of heads behind the box.
    fn hides(&self, footprint: &Footprint) -> f32 {
        let (mut joints, mut hidden, mut heads, mut hidden_heads) = (0, 0, 0, 0);
        for (camera, body) in self.cameras.iter().zip(&self.bodies) {
            for (index, &joint) in body.iter().enumerate() {
                let blocked = footprint.blocks(camera.eye, joint);
                joints += 1;
                hidden += usize::from(blocked);
                if index % 18 == 0 {
                    heads += 1;
                    hidden_heads += usize::from(blocked);
                }
            }
        }
        let share = |part: usize, all: usize| part as f32 / all.max(1) as f32;
        share(hidden, joints).max(2.0 * share(hidden_heads, heads))
    }

    /// True if the centre of the box is visible in the middle frame.
    pub(crate) fn shows(&self, footprint: &Footprint) -> bool {
        let Some(camera) = self.cameras.get(self.cameras.len() / 2) else { return false };
        let ([x, y], depth) = camera.project(self.size, footprint.place + Vec3::UP * footprint.half.y);
        let (width, height) = (self.size.0 as f32, self.size.1 as f32);
        depth > 0.5 && (-0.1 * width..1.1 * width).contains(&x) && (-0.2 * height..1.2 * height).contains(&y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: Footprint =
        Footprint { place: Vec3::new(1.0, 0.0, 0.0), heading: 0.0, half: Vec3::new(0.5, 0.4, 0.3) };

    #[test]
    fn distances_are_from_the_nearest_side_of_a_turned_box() {
        assert_eq!(TABLE.distance(Vec3::new(1.2, 5.0, 0.1)), 0.0);
        assert!((TABLE.distance(Vec3::new(2.0, 0.0, 0.0)) - 0.5).abs() < 1e-6);
        let turned = Footprint { heading: std::f32::consts::FRAC_PI_2, ..TABLE };
        assert!((turned.distance(Vec3::new(2.0, 0.0, 0.0)) - 0.7).abs() < 1e-5);
        let (x, z) = turned.reach();
        assert!((x - 0.3).abs() < 1e-5 && (z - 0.5).abs() < 1e-5);
    }

    #[test]
    fn a_box_blocks_what_is_behind_it_and_not_what_is_over_it() {
        let eye = Vec3::new(1.0, 0.5, 4.0);
        assert!(TABLE.blocks(eye, Vec3::new(1.0, 0.5, -2.0)));
        assert!(!TABLE.blocks(eye, Vec3::new(1.0, 0.5, 1.0)));
        assert!(!TABLE.blocks(eye, Vec3::new(1.0, 3.0, -2.0)));
    }
}
