"""The stations of the tour, one a file: what is measured, kept in a frozen dataclass, and how it is shown.

| station       | what it measures                                                           |
|---------------|----------------------------------------------------------------------------|
| `data`        | the samples of each class, and how much of them the plane shows             |
| `activation`  | the arctangent and its derivative by autodiff                               |
| `training`    | gradient descent on a network with one hidden layer                         |
| `class_map`   | the class probabilities of that network in the plane                        |
| `depth`       | networks of one to five hidden layers with the same number of parameters    |
| `derivatives` | six derivatives of tanh, against exact values                               |
| `quadratic`   | the gradient of ||Mx||², against its formula                                |
| `comparison`  | the gradient by autodiff, against backpropagation by hand                   |
| `tape`        | what autodiff recorded for that network                                     |
| `recursion`   | the loops that are found in the tape, beside the ones by hand               |

Every station has three functions:

- `measure(problem)` does all the computing and returns the dataclass (`class_map` also takes the trained network);
- `show(problem, measured)` draws and writes: it returns a section of the report and computes nothing;
- `numbers(measured)` is the entry in `report.json` (`class_map` has none).

`problem` holds what all of them start from, `networks` begins the trainings of `depth`, and `view` is what their `show`
functions share.
"""
