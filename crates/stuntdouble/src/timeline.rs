//! Holds the signals of every frame of a job's video in memory: the pose, the person's box, and the region that is
//! generated. The signals in memory need a few hundred bytes per frame; masks stay on disk.

use std::path::{Path, PathBuf};

use media::geometry::{Frame, Pts, Rect};
use media::picture::{DepthMap, Mask};
use perception::align::Alignment;
use perception::pose::Pose;
use perception::region::Region;
use perception::region_path::{RegionConfig, person_box, plan_regions};
use perception::signals::SignalsFolder;
use serde::{Deserialize, Serialize};

use crate::error::{Error, io};

/// The last file that is written into a signals folder.
pub const EXTENT_FILE: &str = "extent.json";

/// The length and size of the decoded video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    /// Number of frames.
    pub frames: usize,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// When the last frame ends.
    pub end: Option<Pts>,
}

impl Extent {
    /// Reads the extent from a signals folder; none when the signals are incomplete.
    ///
    /// # Errors
    /// [`Error::Io`] when it exists and cannot be read.
    pub fn load(signals: &Path) -> Result<Option<Self>, Error> {
        let path = signals.join(EXTENT_FILE);
        if !path.exists() {
            return Ok(None);
        }
        let text = std::fs::read_to_string(&path).map_err(io("read", &path))?;
        // A damaged file counts as none, so the signals are made again.
        Ok(serde_json::from_str(&text).ok())
    }

    /// Writes the extent, which marks the signals as complete.
    ///
    /// # Errors
    /// [`Error::Media`].
    pub fn save(&self, signals: &Path) -> Result<(), Error> {
        let text = serde_json::json!(self).to_string();
        Ok(media::file::write_atomic(&signals.join(EXTENT_FILE), text.as_bytes())?)
    }

    fn signals(&self, folder: &Path) -> SignalsFolder {
        SignalsFolder::new(folder, self.frames, (self.width as usize, self.height as usize))
    }
}

/// The signals of all frames of a video.
#[derive(Debug)]
pub struct Timeline {
    extent: Extent,
    poses: Vec<Option<Pose>>,
    boxes: Vec<Option<Rect<Frame>>>,
    regions: Vec<Region>,
    person: SignalsFolder,
    /// The user's own signals, if there are any, then the perceived ones.
    signals: Vec<SignalsFolder>,
}

impl Timeline {
    /// Reads the signals: the user's own where supplied, otherwise the perceived ones.
    ///
    /// # Errors
    /// [`Error::Signals`].
    pub fn load(extent: Extent, perceived: PathBuf, own: Option<&Path>) -> Result<Self, Error> {
        let perceived = extent.signals(&perceived);
        let own = own.map(|folder| extent.signals(folder));
        if let Some(own) = &own {
            own.check()?;
        }
        let poses = match own.as_ref().map(SignalsFolder::poses).transpose()?.flatten() {
            Some(poses) => poses,
            None => perceived.poses()?.unwrap_or_else(|| vec![None; extent.frames]),
        };
        let brings_person = own.as_ref().filter(|_| extent.frames > 0).map(|own| own.person(0)).transpose()?.flatten();
        let person = own.as_ref().filter(|_| brings_person.is_some()).unwrap_or(&perceived).clone();
        let signals = own.into_iter().chain([perceived]).collect();
        let frame = (extent.width, extent.height);
        let mut boxes = Vec::with_capacity(extent.frames);
        for (index, pose) in poses.iter().enumerate() {
            boxes.push(person_box(person.person(index)?.as_ref(), pose.as_ref(), frame));
        }
        let regions = plan_regions(&boxes, frame, &RegionConfig::default());
        Ok(Self { extent, poses, boxes, regions, person, signals })
    }

    /// Number of frames.
    pub fn len(&self) -> usize {
        self.extent.frames
    }

    /// True when the video has no frame.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Columns and rows of a frame of the video.
    pub fn frame_size(&self) -> (u32, u32) {
        (self.extent.width, self.extent.height)
    }

    /// When the last frame ends.
    pub fn end(&self) -> Option<Pts> {
        self.extent.end
    }

    /// Number of frames without a person.
    pub fn without_person(&self) -> usize {
        self.boxes.iter().filter(|area| area.is_none()).count()
    }

    /// The pose in a frame.
    pub fn pose(&self, index: usize) -> Option<&Pose> {
        self.poses[index].as_ref()
    }

    /// The first known pose.
    pub fn first_pose(&self) -> Option<&Pose> {
        self.poses.iter().flatten().next()
    }

    /// The box of the person in a frame.
    pub fn person_box(&self, index: usize) -> Option<Rect<Frame>> {
        self.boxes[index]
    }

    /// The region of a frame.
    pub fn region(&self, index: usize) -> Region {
        self.regions[index]
    }

    /// Moves poses, boxes and regions to the canvas of `animate`. Masks are moved when they are loaded.
    pub fn move_to_canvas(&mut self, alignment: &Alignment, canvas: (usize, usize)) {
        let (scale, shift) = (alignment.scale, alignment.shift);
        let frame = (canvas.0 as u32, canvas.1 as u32);
        let whole = Rect::of_size(frame.0, frame.1);
        for pose in self.poses.iter_mut().flatten() {
            *pose = alignment.canvas_from_frame(pose);
        }
        for area in &mut self.boxes {
            *area = area.and_then(|area| {
                let moved = Rect::new(
                    (area.x as f32 * scale + shift.0).floor() as i32,
                    (area.y as f32 * scale + shift.1).floor() as i32,
                    (area.width as f32 * scale).ceil() as u32,
                    (area.height as f32 * scale).ceil() as u32,
                );
                Some(moved.intersection(&whole)).filter(|area| !area.is_empty())
            });
        }
        self.regions = plan_regions(&self.boxes, frame, &RegionConfig::default());
    }

    /// Uses the square around a canvas as the region of every frame.
    pub fn cover(&mut self, (columns, rows): (usize, usize)) {
        let side = columns.max(rows);
        let place = |length: usize| -(((side - length) / 2) as i32);
        let square = Rect::new(place(columns), place(rows), side as u32, side as u32);
        self.regions.fill(Region { square });
    }

    /// The person's mask in a frame, in the video's own pixels.
    ///
    /// # Errors
    /// [`Error::Signals`].
    pub fn load_person(&self, index: usize) -> Result<Mask, Error> {
        let empty = || Mask::filled(self.extent.width as usize, self.extent.height as usize, 0);
        Ok(self.person.person(index)?.unwrap_or_else(empty))
    }

    /// The depth map of a frame, in the video's own pixels; none if the signals have no depth.
    ///
    /// # Errors
    /// [`Error::Signals`].
    pub fn load_depth(&self, index: usize) -> Result<Option<DepthMap>, Error> {
        for folder in &self.signals {
            if let Some(depth) = folder.depth(index)? {
                return Ok(Some(depth));
            }
        }
        Ok(None)
    }

    /// The masks of the person and of the objects in a frame, in the video's own pixels: first the objects of the
    /// user's own signals, then the objects at which the user pointed.
    ///
    /// # Errors
    /// [`Error::Signals`].
    pub fn load_masks(&self, index: usize) -> Result<(Mask, Vec<Mask>), Error> {
        let mut objects = vec![];
        for folder in &self.signals {
            objects.extend(folder.objects(index)?);
        }
        Ok((self.load_person(index)?, objects))
    }
}
