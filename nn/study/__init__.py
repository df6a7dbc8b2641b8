"""`python -m nn depth`: the influence of depth as an experiment.

| module      | its one job                                                                    |
|-------------|--------------------------------------------------------------------------------|
| `trainings` | what is trained, and the trainings, each of which ends in a file of its own    |
| `findings`  | means and spreads, and sentences that they support                             |
| `report`    | the page, its figures, and the numbers as CSV and JSON                         |
| `command`   | the options of the command line                                                |
"""
