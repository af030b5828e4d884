//! Measures one clip of a run: makes its trial, lets each row make its frames, measures the frames, and stores the
//! measurements.

use std::time::Instant;

use media::picture::Picture;

use crate::case::Trial;
use crate::error::EvaluateError;
use crate::instruments::Instruments;
use crate::measure::{Measures, Yardstick};
use crate::metric::drift::drift;
use crate::metric::frames::frame_figures;
use crate::metric::outside::outside;
use crate::metric_name::Metric;
use crate::report::record::{Given, Record, RecordFolder, RecordKey};
use crate::rows::Row;
use crate::rows::folder::fitted;
use crate::suite::{Figures, SourceKind, Suite};

/// What a clip is measured with.
pub(crate) struct Measuring<'a> {
    pub(crate) suite: &'a Suite,
    pub(crate) rows: &'a [Row],
    pub(crate) instruments: &'a Instruments,
    pub(crate) folder: &'a RecordFolder,
}

impl Measuring<'_> {
    /// What is known of a clip, a record a row.
    pub(crate) fn known(&self, clip: u64) -> Vec<(RecordKey, Option<Record>)> {
        let (fingerprint, instruments) = (self.suite.fingerprint(), self.instruments.names());
        let name = self.suite.clip_name(clip);
        let keys = self.rows.iter().map(|row| RecordKey::new(&fingerprint, clip, &name, row, &instruments));
        keys.map(|key| (key.clone(), self.folder.load(&key))).collect()
    }

    /// The records of one clip, measured where they are not known. A clip of which all is known is not even rendered.
    pub(crate) fn clip(
        &self,
        clip: u64,
        known: Vec<(RecordKey, Option<Record>)>,
    ) -> Result<Vec<Record>, EvaluateError> {
        if known.iter().all(|(_, record)| record.is_some()) {
            return Ok(known.into_iter().filter_map(|(_, record)| record).collect());
        }
        let trial = self.suite.trial(clip)?;
        let yardstick = match self.suite.definition().source {
            SourceKind::Videos => Yardstick::behind_the_reference(&trial, self.instruments.vgg()),
            _ => Yardstick::new(&trial, self.instruments.vgg()),
        };
        let first = yardstick.first();
        self.folder.begin(clip)?;
        let reference = &trial.case.references[0].picture;
        self.folder.save_given(clip, Given::Reference, std::slice::from_ref(reference), reference)?;
        for (given, frames) in [(Given::Frame, &trial.case.frames), (Given::Truth, &trial.truth.frames)] {
            self.folder.save_given(clip, given, frames, &yardstick.cut(&frames[first]))?;
        }
        let (name, definition) = (self.suite.clip_name(clip), self.suite.definition());
        // Where a suite takes a part of each video, a tool may have done all of it.
        let most = if definition.frames == 0 { 0 } else { trial.case.frames.len() };
        let mut records = Vec::new();
        for (row, (key, record)) in self.rows.iter().zip(known) {
            if let Some(record) = record {
                records.push(record);
                continue;
            }
            let start = Instant::now();
            let made = row.make(&trial, &name, most)?;
            let seconds = start.elapsed().as_secs_f64();
            let (pictures, faults) = fitted(made, trial.truth.frames.len(), trial.case.size());
            let measures = self.measures(&yardstick, &trial, &pictures);
            let record = Record { key, name: trial.case.name.clone(), seconds, faults, measures };
            records.push(self.folder.save(&record, &pictures, &yardstick.cut(&pictures[first]))?);
        }
        Ok(records)
    }

    fn measures(&self, yardstick: &Yardstick<'_>, trial: &Trial, pictures: &[Picture]) -> Measures {
        let mut measures = yardstick.measure(pictures);
        let (case, truth) = (&trial.case, &trial.truth);
        if !case.is_canvas()
            && let Some((mean, largest)) = outside(pictures, &case.frames, &case.holes, &truth.persons)
        {
            measures.insert(Metric::OutsideError, mean);
            measures.insert(Metric::OutsideLargest, largest);
        }
        match self.suite.definition().figures {
            Figures::Region => {}
            Figures::Frames => {
                let definition = self.suite.definition();
                let reference = (definition.source == SourceKind::Videos).then_some(definition.reference_frame);
                let figures = frame_figures(pictures, &truth.frames, reference, self.instruments);
                measures.extend(figures.into_iter().map(|(figure, value)| (Metric::Frame(figure), value)));
            }
            Figures::Drift => {
                let ways = drift(pictures, &truth.frames, &truth.persons);
                measures.extend(ways.into_iter().map(|(seconds, value)| (Metric::Drift(seconds), value)));
            }
        }
        measures
    }
}
