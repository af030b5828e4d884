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
            other => return Err(self.damaged(&format!("a call to {}", other.kind()))),
        };
        let arguments = match self.values.get(arguments) {
            Value::Tuple(arguments) => arguments.clone(),
            other => {
                return Err(self.bad_call(global, &format!("expected a tuple of arguments, found {}", other.kind())));
            }
        };
        let value = match global {
            Global::OrderedDict => self.ordered_dict(&arguments)?,
            Global::RebuildTensor => Value::Tensor(self.tensor(&arguments)?),
            Global::RebuildParameter => self.parameter(&arguments)?,
            Global::Storage(_) => return Err(self.bad_call(global, "a storage class cannot be called")),
        };
        self.push(value);
        Ok(())
    }

    fn bad_call(&self, global: Global, reason: &str) -> CheckpointError {
        CheckpointError::Call { global: global.name().into(), reason: reason.into(), tensor: self.entry() }
    }

    /// No argument, or a list of pairs.
    fn ordered_dict(&self, arguments: &[ValueId]) -> Result<Value, CheckpointError> {
        let wrong = || self.bad_call(Global::OrderedDict, "expected a list of pairs");
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
            return Err(wrong(&format!("expected 6 or 7 arguments, found {}", arguments.len())));
        };
        let is_empty = |id: &ValueId| match self.values.get(*id) {
            Value::None => true,
            Value::Dict(entries) => entries.is_empty(),
            _ => false,
        };
        if metadata.len() > 1 || !is_empty(hooks) || !metadata.iter().all(is_empty) {
            return Err(wrong("hooks and metadata are not supported"));
        }
        let Value::Storage(storage) = self.values.get(*storage) else {
            return Err(wrong("the first argument is not a storage"));
        };
        let offset = self.values.int(*offset).ok_or_else(|| wrong("the offset is not an integer"))?;
        let sizes = |id: ValueId, what: &str| {
            let Value::Tuple(items) = self.values.get(id) else { return Err(wrong(what)) };
            if items.len() as u64 > MOST_AXES {
                return Err(self.limit("the number of axes of a tensor", items.len() as u64, MOST_AXES));
            }
            items.iter().map(|item| self.values.int(*item).ok_or_else(|| wrong(what))).collect::<Result<Vec<_>, _>>()
        };
        let shape = sizes(*shape, "the shape is not a tuple of integers")?;
        let strides = sizes(*strides, "the strides are not a tuple of integers")?;
        Ok(RawTensor { storage: storage.clone(), offset, shape, strides })
    }

    /// Arguments: a tensor, whether it needs gradients, hooks. The result is the tensor.
    fn parameter(&self, arguments: &[ValueId]) -> Result<Value, CheckpointError> {
        match arguments {
            [tensor, _, _] => match self.values.get(*tensor) {
                tensor @ Value::Tensor(_) => Ok(tensor.clone()),
                other => {
                    let reason = format!("expected a tensor, found {}", other.kind());
                    Err(self.bad_call(Global::RebuildParameter, &reason))
                }
            },
            _ => {
                let reason = format!("expected 3 arguments, found {}", arguments.len());
                Err(self.bad_call(Global::RebuildParameter, &reason))
            }
        }
    }

    /// `("storage", class, key, device, count)`. In the legacy format, the view information follows.
    pub(super) fn persistent_id(&mut self) -> Result<(), CheckpointError> {
        let wrong = |machine: &Self, reason: &str| {
            let global = "persistent_load".into();
            CheckpointError::Call { global, reason: reason.into(), tensor: machine.entry() }
        };
        let id = self.pop()?;
        let Value::Tuple(items) = self.values.get(id) else {
            return Err(wrong(self, &format!("expected a tuple, found {}", self.values.get(id).kind())));
        };
        let [kind, class, key, _device, count, view @ ..] = &items[..] else {
            return Err(wrong(self, &format!("expected 5 or 6 items, found {}", items.len())));
        };
        if self.values.text(*kind) != Some("storage") {
            return Err(wrong(self, "expected the kind `storage`"));
        }
        if view.len() > 1 || view.iter().any(|view| *self.values.get(*view) != Value::None) {
            return Err(wrong(self, "views of other storages are not supported"));
        }
        let Value::Global(Global::Storage(element)) = *self.values.get(*class) else {
            return Err(wrong(self, "the storage class is unknown"));
        };
        let count = self.values.int(*count).and_then(|count| u64::try_from(count).ok());
        let (Some(key), Some(count)) = (self.values.text(*key), count) else {
            return Err(wrong(self, "the key or the number of values is missing"));
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
