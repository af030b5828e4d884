//! Makes the clean plates, which are the frames of a video without the person, in the order of the frames.

use draft::held::Hands;
use draft::hole::hole;
use draft::in_use::{InUse, InUseInput};
use draft::plate::{PlateConfig, PlateFrame, PlateMaker};
use media::picture::Mask;
use media::reader::FrameReader;
use perception::person::scene_cut::SceneCut;

use super::scene::SceneFrame;
use super::work::Work;
use crate::error::Error;

/// A frame without the person.
pub(super) struct Removed {
    pub(super) plate: PlateFrame,
    pub(super) hole: Mask,
    /// What the hands hold, found without a prompt.
    pub(super) things: Option<Mask>,
}

/// Clean plates in the order of frames. It has its own reader, which runs ahead.
pub(super) struct Plates<'a> {
    work: &'a Work<'a>,
    maker: PlateMaker,
    in_use: InUse,
    ahead: FrameReader,
    cut: SceneCut,
    /// First frames of shots, as far as the reader got.
    starts: Vec<usize>,
    looked: usize,
}

impl<'a> Plates<'a> {
    pub(super) fn new(work: &'a Work<'a>) -> Result<Self, Error> {
        let maker = PlateMaker::new(PlateConfig::default());
        let (ahead, in_use) = (work.source.frames()?, InUse::default());
        Ok(Self { work, maker, in_use, ahead, cut: SceneCut::default(), starts: vec![], looked: 0 })
    }

    /// The plate of the next frame, its hole, and what the hands hold.
    pub(super) fn next(&mut self, index: usize, view: &SceneFrame) -> Result<Removed, Error> {
        if self.work.scene.is_canvas() {
            let (width, height) = view.picture.size();
            let plate = PlateFrame { picture: view.picture.clone(), seen: Mask::filled(width, height, 255) };
            return Ok(Removed { plate, hole: Mask::filled(width, height, 0), things: None });
        }
        while self.maker.wants_look() {
            self.work.events.check_cancelled()?;
            let Some(frame) = self.ahead.next().transpose()?.filter(|_| self.looked < self.work.timeline.len()) else {
                self.maker.end();
                break;
            };
            let is_start = self.cut.happened(&frame.picture) || self.looked == 0;
            if is_start {
                self.starts.push(self.looked);
            }
            let (person, objects) = self.work.timeline.load_masks(self.looked)?;
            let (_, wide) = self.holes(self.looked, &person, &objects);
            self.maker.look(&frame.picture, &wide, is_start);
            self.in_use.look(&frame.picture, &person, self.work.timeline.pose(self.looked), is_start);
            self.looked += 1;
        }
        if index >= self.looked {
            return Err(self.work.source.changed(index));
        }
        let (hole, wide) = self.holes(index, view.person(), view.objects());
        let mut plate = self.maker.plate(&view.picture, &wide);
        let found = self.in_use.objects(&InUseInput {
            source: &view.picture,
            plate: &plate,
            person: view.person(),
            pose: self.work.timeline.pose(index),
            starts_shot: self.starts_shot(index),
        });
        // If the user supplies objects, only these are used.
        let things = found.filter(|_| view.objects().is_empty());
        // Pixels near the hands that are not removed after all go back to the source.
        for (index, _) in hole.cells().iter().enumerate().filter(|(_, hole)| **hole == 0) {
            plate.picture.cells_mut()[index] = view.picture.cells()[index];
            plate.seen.cells_mut()[index] = 255;
        }
        Ok(Removed { plate, hole, things })
    }

    /// What is removed from a frame, and the region for which a plate is made. That region also includes the
    /// surroundings of the hands, unless the user supplies the objects.
    fn holes(&self, index: usize, person: &Mask, objects: &[Mask]) -> (Mask, Mask) {
        let hole = hole(person, objects);
        let hands = self.work.timeline.pose(index).filter(|_| objects.is_empty()).and_then(Hands::of);
        let wide = hands.map_or_else(|| hole.clone(), |hands| hands.widened(&hole));
        (hole, wide)
    }

    pub(super) fn starts_shot(&self, index: usize) -> bool {
        index == 0 || self.starts.contains(&index)
    }
}
