it('makes a timer that is too long', () => {
  clearTimeout(setTimeout(() => {}, 2 ** 31));
});
