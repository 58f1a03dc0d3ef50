it('makes a timer of the past', () => {
  clearTimeout(setTimeout(() => {}, -1));
});
