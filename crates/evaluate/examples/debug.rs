//! temporary
use draft::drafter::DraftConfig;
use evaluate::*;
use std::collections::BTreeMap;
use std::path::PathBuf;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let assets = stage::Assets::load(&PathBuf::from(&args[1])).unwrap().0;
    let suite = Suite::open(
        SuiteKind::StageCross,
        TrialSettings { frames: 1, size: 256 },
        Signals::Exact,
        Material::Assets(Box::new(assets)),
    )
    .unwrap();
    let vgg = VggNetwork::open(&PathBuf::from(&args[2])).unwrap();
    let range = args[3].parse::<u64>().unwrap()..args[4].parse::<u64>().unwrap();
    let mut sums: BTreeMap<(String, String), (f64, f64)> = BTreeMap::new();
    for index in range {
        let trial = suite.trial(index).unwrap();
        let yard = Yardstick::new(&trial, Some(&vgg));
        let case = &trial.case;
        for (name, references, light) in [("one", 1, false), ("light", 1, true), ("four", 4, true)] {
            let made = CaseDrafts::make(case, references, DraftConfig { light, ..Default::default() });
            let pictures: Vec<_> = made.drafts.into_iter().map(|d| d.picture).collect();
            for (metric, value) in yard.measure(&pictures) {
                let sum = sums.entry((format!("{metric:?}"), name.into())).or_default();
                *sum = (sum.0 + value, sum.1 + 1.0);
            }
        }
    }
    for ((metric, name), (sum, count)) in sums {
        println!("{metric:40} {name:10} {:.3}", sum / count);
    }
}
