//! Defines rectangles whose type contains their coordinate space, presentation times, and frame rates.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

/// The pixels of a complete video frame, as displayed (rotation applied).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame;
/// The pixels of the square region that follows the person, at the network's size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crop;

/// An axis-aligned rectangle of whole cells in space `S`. It can extend over the border of its space.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Rect<S> {
    /// Left edge, included.
    pub x: i32,
    /// Top edge, included.
    pub y: i32,
    /// Width in cells.
    pub width: u32,
    /// Height in cells.
    pub height: u32,
    #[serde(skip)]
    space: PhantomData<S>,
}

impl<S> Rect<S> {
    /// A rectangle from its top left corner and size.
    pub const fn new(x: i32, y: i32, width: u32, height: u32) -> Self {
        Self { x, y, width, height, space: PhantomData }
    }

    /// The complete `width` x `height` space.
    pub const fn of_size(width: u32, height: u32) -> Self {
        Self::new(0, 0, width, height)
    }

    /// First column right of the rectangle.
    pub const fn right(&self) -> i32 {
        self.x + self.width as i32
    }

    /// First row below the rectangle.
    pub const fn bottom(&self) -> i32 {
        self.y + self.height as i32
    }

    /// True when it contains no cell.
    pub const fn is_empty(&self) -> bool {
        self.width == 0 || self.height == 0
    }

    /// The part that both rectangles cover; empty when they do not touch.
    pub fn intersection(&self, other: &Self) -> Self {
        let (x, y) = (self.x.max(other.x), self.y.max(other.y));
        let width = (self.right().min(other.right()) - x).max(0) as u32;
        let height = (self.bottom().min(other.bottom()) - y).max(0) as u32;
        Self::new(x, y, width, height)
    }

    /// The smallest rectangle that covers both rectangles. An empty rectangle adds nothing.
    pub fn union(&self, other: &Self) -> Self {
        if self.is_empty() {
            return *other;
        }
        if other.is_empty() {
            return *self;
        }
        let (x, y) = (self.x.min(other.x), self.y.min(other.y));
        let right = self.right().max(other.right());
        let bottom = self.bottom().max(other.bottom());
        Self::new(x, y, (right - x) as u32, (bottom - y) as u32)
    }

    /// Centre, in cells.
    pub fn centre(&self) -> (f32, f32) {
        (self.x as f32 + self.width as f32 / 2.0, self.y as f32 + self.height as f32 / 2.0)
    }
}

// Written by hand because a derive would require the same traits of the marker `S`.
impl<S> Clone for Rect<S> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<S> Copy for Rect<S> {}
impl<S> PartialEq for Rect<S> {
    fn eq(&self, other: &Self) -> bool {
        (self.x, self.y, self.width, self.height) == (other.x, other.y, other.width, other.height)
    }
}
impl<S> Eq for Rect<S> {}
impl<S> fmt::Debug for Rect<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}x{}+{}+{}", self.width, self.height, self.x, self.y)
    }
}

/// A presentation time in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pts(pub i64);

impl Pts {
    /// The time in seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

/// A rate in frames per second as a fraction, such as 30000/1001.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// Numerator: frames.
    pub numerator: u32,
    /// Denominator: seconds; never 0.
    pub denominator: u32,
}

impl Rate {
    /// The rate in frames per second.
    pub fn hertz(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intersection_and_union_agree_with_hand_counts() {
        let a = Rect::<Frame>::new(0, 0, 4, 4);
        let b = Rect::<Frame>::new(2, -1, 4, 3);
        assert_eq!(a.intersection(&b), Rect::new(2, 0, 2, 2));
        assert_eq!(a.union(&b), Rect::new(0, -1, 6, 5));
        assert!(a.intersection(&Rect::new(9, 9, 1, 1)).is_empty());
        assert_eq!(a.union(&Rect::new(9, 9, 0, 1)), a);
    }
}
