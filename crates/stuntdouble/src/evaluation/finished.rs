//! Implements row `finished`: the drafts of row `draft-sized`, finished by the network.

use std::path::Path;

use evaluate::{Body, Case, CaseDrafts, Made, OutsideRow};
use finish::finishing::{CharacterPicture, Finishing, WaitingFrame};
use media::geometry::{Frame, Rect};
use media::picture::Picture;
use model::finisher::{Finisher, FinisherConfig};
use model::weights::Weights;
use perception::region::Region;
use perception::region_path::{RegionConfig, person_box, plan_regions};

use crate::error::Error;
use crate::networks::Cpu;

/// Increase this when the row makes other pictures from the same weights.
const VERSION: u32 = 2;

/// The row `finished`, with the weights of a file.
///
/// # Errors
/// [`Error::Weights`] when the file does not contain a finisher.
pub fn finished_row(path: &Path) -> Result<OutsideRow, Error> {
    let weights = Weights::read(&[path])?;
    let config = FinisherConfig::of_weights(&weights)?;
    let network: Finisher<Cpu> = config.load(&weights, &Default::default())?;
    let make = move |case: &Case| make(case, &network, &config);
    Ok(OutsideRow { name: "finished".into(), version: VERSION, make: Box::new(make) })
}

fn make(case: &Case, network: &Finisher<Cpu>, config: &FinisherConfig) -> Made {
    let made = CaseDrafts::make(case, 1, Body::Sized);
    let (width, height) = case.size();
    let frame = (width as u32, height as u32);
    let boxes: Vec<Option<Rect<Frame>>> = made
        .drafts
        .iter()
        .zip(&made.poses)
        .map(|(draft, pose)| person_box(Some(&draft.edited), pose.as_ref(), frame))
        .collect();
    let regions: Vec<Region> = plan_regions(&boxes, frame, &RegionConfig::default());
    let reference = &case.references[0];
    let character =
        CharacterPicture { picture: &reference.picture, mask: &reference.mask, pose: reference.pose.as_ref() };
    let mut finishing = Finishing::new(network.clone(), config.clone(), &[character], &Default::default());
    let mut finished: Vec<Picture> = vec![];
    for (index, draft) in made.drafts.into_iter().enumerate() {
        let pictures = finishing.push(WaitingFrame {
            draft,
            hole: case.holes[index].clone(),
            pose: made.poses[index].clone(),
            region: regions[index],
            starts_shot: index == 0,
        });
        finished.extend(pictures.into_iter().map(|frame| frame.picture));
    }
    finished.extend(finishing.end().into_iter().map(|frame| frame.picture));
    Ok(finished)
}
