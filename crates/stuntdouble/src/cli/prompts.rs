//! Parses the prompt options `--person`, `--object`, `--object-box` and `--not` of the command line. The order of the
//! last three options matters, because each `--not` belongs to the object before it.

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};
use perception::objects::prompt::{ObjectPrompt, PointPrompt, PromptError, Shown};
use stuntdouble::Error;
use toml::Value;

const PERSON: &str = "person";
const OBJECT: &str = "object";
const OBJECT_BOX: &str = "object-box";
const NOT: &str = "not";

/// The options as they were typed, in their order.
#[derive(Debug, Default)]
pub(super) struct PromptOptions {
    person: Option<String>,
    objects: Vec<(&'static str, String)>,
}

impl PromptOptions {
    /// The setting `person`.
    pub(super) fn person(&self) -> Result<Option<Value>, Error> {
        let person = self.person.as_deref().map(str::parse::<PointPrompt>).transpose()?;
        Ok(person.map(|prompt| Value::String(prompt.to_string())))
    }

    /// The setting `objects`; none when nothing was pointed at.
    pub(super) fn objects(&self) -> Result<Option<Value>, Error> {
        let mut objects: Vec<ObjectPrompt> = vec![];
        for (option, text) in &self.objects {
            match *option {
                OBJECT => objects.push(ObjectPrompt { shown: Shown::Point(text.parse()?), not: vec![] }),
                OBJECT_BOX => objects.push(ObjectPrompt { shown: Shown::Box(text.parse()?), not: vec![] }),
                _ => {
                    let point = text.parse()?;
                    let without_object = || PromptError::NotWithoutObject { prompt: text.clone() };
                    objects.last_mut().ok_or_else(without_object)?.not.push(point);
                }
            }
        }
        Ok(if objects.is_empty() { None } else { Value::try_from(objects).ok() })
    }
}

impl FromArgMatches for PromptOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut objects = vec![];
        for option in [OBJECT, OBJECT_BOX, NOT] {
            let values = matches.get_many::<String>(option).into_iter().flatten();
            objects.extend(
                matches.indices_of(option).into_iter().flatten().zip(values).map(|(at, text)| (at, option, text)),
            );
        }
        objects.sort_by_key(|(at, ..)| *at);
        Ok(Self {
            person: matches.get_one::<String>(PERSON).cloned(),
            objects: objects.into_iter().map(|(_, option, text)| (option, text.clone())).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), clap::Error> {
        Err(clap::Error::raw(ErrorKind::InvalidSubcommand, "options cannot be changed once they are read"))
    }
}

impl Args for PromptOptions {
    fn augment_args(command: Command) -> Command {
        let text = |name: &'static str, value: &'static str, help: &'static str| {
            Arg::new(name).long(name).value_name(value).help(help)
        };
        let many = |argument: Arg| argument.action(ArgAction::Append);
        command
            .arg(text(
                PERSON,
                "X,Y[@T]",
                "A point on the person to replace, in pixels; T is a time in seconds (`1.5`) or a frame (`12f`)",
            ))
            .arg(many(text(
                OBJECT,
                "X,Y[@T]",
                "A point on an object to keep, at T; repeat the option for more objects, each becomes a separate layer",
            )))
            .arg(many(text(
                OBJECT_BOX,
                "X,Y,W,H[@T]",
                "A box around an object to keep, at T: left, top, width and height",
            )))
            .arg(many(text(NOT, "X,Y[@T]", "A point that does not belong to the preceding object")))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(words: &[&str]) -> PromptOptions {
        let command = PromptOptions::augment_args(Command::new("test"));
        let matches = command.try_get_matches_from([&["test"], words].concat()).unwrap();
        PromptOptions::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn each_point_that_is_not_the_objects_belongs_to_the_object_before_it() {
        let words = ["--object", "1,2@3f", "--not", "4,5", "--object-box", "6,7,8,9", "--not", "1,1@2", "--not", "3,3"];
        let objects: Vec<ObjectPrompt> = typed(&words).objects().unwrap().unwrap().try_into().unwrap();
        let written: Vec<(String, Vec<String>)> = objects
            .iter()
            .map(|object| {
                let shown = match object.shown {
                    Shown::Point(point) => point.to_string(),
                    Shown::Box(area) => area.to_string(),
                };
                (shown, object.not.iter().map(PointPrompt::to_string).collect())
            })
            .collect();
        let expected = [("1,2@3f", vec!["4,5"]), ("6,7,8,9", vec!["1,1@2s", "3,3"])];
        let expected =
            expected.map(|(shown, not)| (shown.to_string(), not.iter().map(|text| text.to_string()).collect()));
        assert_eq!(written, expected);
    }

    #[test]
    fn wrong_prompts_have_codes() {
        let code = |words: &[&str]| {
            let typed = typed(words);
            typed.person().and_then(|_| typed.objects()).unwrap_err().code()
        };
        assert_eq!(code(&["--not", "1,2", "--object", "3,4"]), "prompt.not_without_object");
        assert_eq!(code(&["--object", "1"]), "prompt.shape");
        assert_eq!(code(&["--object-box", "1,2,0,3"]), "prompt.empty_box");
        assert_eq!(code(&["--person", "1,2@later"]), "prompt.moment");
        assert!(typed(&[]).objects().unwrap().is_none());
    }
}
