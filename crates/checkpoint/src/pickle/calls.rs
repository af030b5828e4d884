//! Interprets the three supported calls, the references to storages, and the state of ordered dictionaries.

use std::io::Read;

use super::MOST_AXES;
use super::machine::Machine;
use super::value::{Global, RawTensor, Storage, Value, ValueId};
use crate::error::CheckpointError;

impl<R: Read> Machine<'_, R> {
    /// Returns what Python would make of a name and its arguments.
    pub(super) fn reduce(&mut self) -> Result<(), CheckpointError> {
        let (arguments, callable) = (self.pop()?, self.pop()?);
        let global = match self.values.get(callable) {
            Value::Global(global) => *global,
            other => return Err(self.damaged(&format!("a call of {}", other.kind()))),
        };
        let arguments = match self.values.get(arguments) {
            Value::Tuple(arguments) => arguments.clone(),
            other => return Err(self.bad_call(global, &format!("{} for its arguments", other.kind()))),
        };
        let value = match global {
            Global::OrderedDict => self.ordered_dict(&arguments)?,
            Global::RebuildTensor => Value::Tensor(self.tensor(&arguments)?),
            Global::RebuildParameter => self.parameter(&arguments)?,
            Global::Storage(_) => return Err(self.bad_call(global, "arguments; storages are in the file, not made")),
        };
        self.push(value);
        Ok(())
    }

    fn bad_call(&self, global: Global, reason: &str) -> CheckpointError {
        CheckpointError::Call { global: global.name().into(), reason: reason.into(), tensor: self.entry() }
    }

    /// No argument, or a list of pairs.
    fn ordered_dict(&self, arguments: &[ValueId]) -> Result<Value, CheckpointError> {
        let wrong = || self.bad_call(Global::OrderedDict, "what is no list of pairs");
        let items = match arguments {
            [] => return Ok(Value::Dict(vec![])),
            [list] => match self.values.get(*list) {
                Value::List(items) | Value::Tuple(items) => items,
                _ => return Err(wrong()),
            },
            _ => return Err(wrong()),
        };
        let pair = |item: &ValueId| match self.values.get(*item) {
            Value::List(pair) | Value::Tuple(pair) => match pair[..] {
                [key, value] => Ok((key, value)),
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        };
        Ok(Value::Dict(items.iter().map(pair).collect::<Result<_, _>>()?))
    }

    /// Arguments: storage, offset, sizes, strides, whether it needs gradients, hooks, and since 2.0 also metadata.
    fn tensor(&self, arguments: &[ValueId]) -> Result<RawTensor, CheckpointError> {
        let wrong = |reason: &str| self.bad_call(Global::RebuildTensor, reason);
        let [storage, offset, shape, strides, _, hooks, metadata @ ..] = arguments else {
            return Err(wrong(&format!("{} arguments", arguments.len())));
        };
        let is_empty = |id: &ValueId| match self.values.get(*id) {
            Value::None => true,
            Value::Dict(entries) => entries.is_empty(),
            _ => false,
        };
        if metadata.len() > 1 || !is_empty(hooks) || !metadata.iter().all(is_empty) {
            return Err(wrong("hooks or metadata"));
        }
        let Value::Storage(storage) = self.values.get(*storage) else { return Err(wrong("no storage")) };
        let offset = self.values.int(*offset).ok_or_else(|| wrong("an offset that is no whole number"))?;
        let sizes = |id: ValueId, what: &str| {
            let Value::Tuple(items) = self.values.get(id) else { return Err(wrong(what)) };
            if items.len() as u64 > MOST_AXES {
                return Err(self.limit("a tensor with axes", items.len() as u64, MOST_AXES));
            }
            items.iter().map(|item| self.values.int(*item).ok_or_else(|| wrong(what))).collect::<Result<Vec<_>, _>>()
        };
        let shape = sizes(*shape, "a shape that is no tuple of whole numbers")?;
        let strides = sizes(*strides, "strides that are no tuple of whole numbers")?;
        Ok(RawTensor { storage: storage.clone(), offset, shape, strides })
    }

    /// Arguments: a tensor, whether it needs gradients, hooks. The result is the tensor.
    fn parameter(&self, arguments: &[ValueId]) -> Result<Value, CheckpointError> {
        match arguments {
            [tensor, _, _] => match self.values.get(*tensor) {
                tensor @ Value::Tensor(_) => Ok(tensor.clone()),
                other => Err(self.bad_call(Global::RebuildParameter, other.kind())),
            },
            _ => Err(self.bad_call(Global::RebuildParameter, &format!("{} arguments", arguments.len()))),
        }
    }

    /// `("storage", class, key, device, count)`. In the legacy format, the view information follows.
    pub(super) fn persistent_id(&mut self) -> Result<(), CheckpointError> {
        let wrong = |machine: &Self, reason: &str| {
            let global = "a persistent id".into();
            CheckpointError::Call { global, reason: reason.into(), tensor: machine.entry() }
        };
        let id = self.pop()?;
        let Value::Tuple(items) = self.values.get(id) else {
            return Err(wrong(self, self.values.get(id).kind()));
        };
        let [kind, class, key, _device, count, view @ ..] = &items[..] else {
            return Err(wrong(self, &format!("{} items", items.len())));
        };
        if self.values.text(*kind) != Some("storage") {
            return Err(wrong(self, "another kind than `storage`"));
        }
        if view.len() > 1 || view.iter().any(|view| *self.values.get(*view) != Value::None) {
            return Err(wrong(self, "a view of another storage"));
        }
        let Value::Global(Global::Storage(element)) = *self.values.get(*class) else {
            return Err(wrong(self, "an unknown class of storage"));
        };
        let count = self.values.int(*count).and_then(|count| u64::try_from(count).ok());
        let (Some(key), Some(count)) = (self.values.text(*key), count) else {
            return Err(wrong(self, "no key, or no number of values"));
        };
        let storage = Storage { element, key: key.into(), count };
        self.push(Value::Storage(storage));
        Ok(())
    }

    /// The only state here belongs to dictionaries (module versions). It says nothing about tensors.
    pub(super) fn build(&mut self) -> Result<(), CheckpointError> {
        let (state, object) = (self.pop()?, self.pop()?);
        match (self.values.get(object), self.values.get(state)) {
            (Value::Dict(_), Value::Dict(_)) => self.stack.push(object),
            (object, _) => return Err(self.damaged(&format!("a state for {}", object.kind()))),
        }
        Ok(())
    }
}
