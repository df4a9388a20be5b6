"""How fast a send is and how much it takes, as ratios measured in one run; ``make bench`` runs it."""
