//! Defines the input of a method (a row of the table), and the ground truth with which its output is compared.

use std::sync::OnceLock;

use draft::hole::hole;
use media::picture::{Mask, Picture};
use perception::pose::Pose;

use crate::rows::plate::fill;

/// A picture of the character.
#[derive(Debug, Clone)]
pub struct Reference {
    /// The picture.
    pub picture: Picture,
    /// The character in it, 255 = covered.
    pub mask: Mask,
    /// Its pose in the picture's pixels; `None` when nobody was recognised.
    pub pose: Option<Pose>,
}

/// The input of a row: a driving clip, and pictures of the character. Lists have one entry for each frame, and all
/// pictures and masks of the clip have one size.
#[derive(Debug)]
pub struct Case {
    /// Suite and index, for messages.
    pub name: String,
    /// Pictures of the character, at least one. A row that needs only one picture uses the first.
    pub references: Vec<Reference>,
    /// The driving frames.
    pub frames: Vec<Picture>,
    /// The driving person, 255 = covered.
    pub persons: Vec<Mask>,
    /// The driving person's pose in frame pixels; `None` when nobody was seen.
    pub poses: Vec<Option<Pose>>,
    /// The object in use; an empty list when there is none.
    pub objects: Vec<Mask>,
    /// The character's height relative to the driving person's. Only rows whose names say so use this value.
    pub stature: f32,
    /// The region to replace, 0 or 255: the driving person and a margin, without the object. The list is empty on a
    /// canvas.
    pub holes: Vec<Mask>,
    plates: OnceLock<Vec<Picture>>,
    is_canvas: bool,
}

/// The signals of a driving clip.
#[derive(Debug, Clone)]
pub struct DrivingClip {
    /// The frames.
    pub frames: Vec<Picture>,
    /// Coverage by the person in each frame.
    pub persons: Vec<Mask>,
    /// The person's pose in each frame.
    pub poses: Vec<Option<Pose>>,
    /// The object in use in each frame, or an empty list.
    pub objects: Vec<Mask>,
}

impl Case {
    /// The same case with another height of the character.
    pub fn with_stature(mut self, stature: f32) -> Self {
        self.stature = stature;
        self
    }

    /// Creates a case from a driving clip and pictures of the character.
    ///
    /// # Panics
    /// When there is no frame or no reference, or lists or sizes differ.
    pub fn new(name: String, driving: DrivingClip, references: Vec<Reference>) -> Self {
        let DrivingClip { frames, persons, poses, objects } = driving;
        let count = frames.len();
        assert!(count > 0 && !references.is_empty(), "{name}: {count} frames, {} references", references.len());
        assert_eq!([persons.len(), poses.len()], [count; 2], "{name}: masks and poses of {count} frames");
        assert!(objects.is_empty() || objects.len() == count, "{name}: {} objects, {count} frames", objects.len());
        let size = frames[0].size();
        let sizes = frames.iter().map(Picture::size).chain(persons.iter().chain(&objects).map(Mask::size));
        for other in sizes {
            assert_eq!(other, size, "{name}: sizes of pictures and masks");
        }
        let holes = persons
            .iter()
            .enumerate()
            .map(|(index, person)| hole(person, objects.get(index).map_or(&[], std::slice::from_ref)))
            .collect();
        let (stature, plates, is_canvas) = (1.0, OnceLock::new(), false);
        Self { name, references, frames, persons, poses, objects, stature, holes, plates, is_canvas }
    }

    /// A case whose surroundings are one picture without the driving person: `frames` show nobody, and `persons` say where the
    /// driving person would stand.
    ///
    /// # Panics
    /// As [`Case::new`].
    pub fn on_canvas(
        name: String,
        background: Picture,
        persons: Vec<Mask>,
        poses: Vec<Option<Pose>>,
        references: Vec<Reference>,
    ) -> Self {
        let frames = vec![background; persons.len()];
        let driving = DrivingClip { frames: frames.clone(), persons, poses, objects: Vec::new() };
        let mut case = Self::new(name, driving, references);
        let (width, height) = case.size();
        case.holes = vec![Mask::filled(width, height, 0); case.frames.len()];
        case.plates = OnceLock::from(frames);
        case.is_canvas = true;
        case
    }

    /// True when the frames are a picture without the driving person.
    pub fn is_canvas(&self) -> bool {
        self.is_canvas
    }

    /// Columns and rows of a frame.
    pub fn size(&self) -> (usize, usize) {
        self.frames[0].size()
    }

    /// The frames with filled holes; computed once for all rows.
    pub fn plates(&self) -> &[Picture] {
        self.plates.get_or_init(|| fill(&self.frames, &self.holes))
    }
}

/// The output of a perfect row. Lists are as in [`Case`].
#[derive(Debug, Clone)]
pub struct Truth {
    /// The frames with the character.
    pub frames: Vec<Picture>,
    /// Coverage by the character in each frame.
    pub persons: Vec<Mask>,
    /// The character's pose in each frame.
    pub poses: Vec<Option<Pose>>,
    /// The object in each frame, or no entry.
    pub objects: Vec<Mask>,
    /// The region to replace according to the true masks of the driving person. [`Case::holes`] uses the masks that
    /// rows see.
    pub holes: Vec<Mask>,
}

/// A case with its ground truth, which is hidden from rows.
#[derive(Debug)]
pub struct Trial {
    /// The rows' input.
    pub case: Case,
    /// The ground truth for the measurement.
    pub truth: Truth,
}

impl Trial {
    /// Joins a case and its ground truth.
    ///
    /// # Panics
    /// When they differ in the number or size of frames.
    pub fn new(case: Case, truth: Truth) -> Self {
        let counts = [truth.frames.len(), truth.persons.len(), truth.poses.len(), truth.holes.len()];
        assert_eq!(counts, [case.frames.len(); 4], "{}: frames of truth and case", case.name);
        assert!(truth.objects.is_empty() || truth.objects.len() == counts[0], "{}: true objects", case.name);
        let masks = truth.persons.iter().chain(&truth.objects).chain(&truth.holes);
        for size in truth.frames.iter().map(Picture::size).chain(masks.map(Mask::size)) {
            assert_eq!(size, case.size(), "{}: sizes of truth and case", case.name);
        }
        Self { case, truth }
    }
}
