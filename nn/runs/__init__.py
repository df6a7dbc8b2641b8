"""`python -m nn train`, `resume` and `predict`: trainings on data of one's own, each in a folder.

| module        | its one job                                                                  |
|---------------|------------------------------------------------------------------------------|
| `problem`     | the data of a training: read, split and scaled, in memory or on the disk     |
| `training`    | trains, or takes up a training, and has the report written                   |
| `measuring`   | how good a network is: confusions, numbers for each class, calibration       |
| `figures`     | the pictures of the report                                                   |
| `report`      | the page, the pictures and the numbers, written when all of them are made    |
| `prediction`  | the answers of a network to the samples of a file                            |
| `command`     | the options of the command line                                              |
"""
